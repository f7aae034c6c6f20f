/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/* One program: started, read, ended, started again. */
#include <sys/types.h>

#include "directory.h"
#include "document.h"
#include "parse.h"
#include "spawn.h"

#define PROGRAM_LINE_MAX 512

enum program_state {
	PROGRAM_WAITING, /* to be started at start_ns */
	PROGRAM_RUNNING,
	PROGRAM_LEAVING, /* it has closed its output: SIGTERM at signal_ns */
	PROGRAM_ASKED,   /* SIGTERM was sent: SIGKILL at signal_ns */
	PROGRAM_KILLED,  /* SIGKILL was sent */
	PROGRAM_GONE     /* never to be started again */
};

/* A descriptor in the epoll; `ready` is called when it is. */
struct program_stream {
	int fd; /* -1: closed */
	void (*ready)(struct program_stream *s);
	struct program *program;
	uint64_t resume_ns; /* much was read: not watched until then; 0: watched */
};

struct program {
	struct directory_entry entry; /* owned */
	char *directory;
	struct spawn_user user;
	uint32_t max_addresses; /* of a target */
	int epoll_fd, parsed_fd;
	uint64_t now_ns;

	enum program_state state;
	bool removed; /* GONE once it has ended */
	bool restart; /* it was stopped by us, to be started again at once */
	pid_t pid;
	struct program_stream process, out, err;
	uint64_t start_ns, started_ns, pause_ns, signal_ns;

	struct document document; /* being read */
	uint64_t hint_ns;         /* when to say that a document waits for its end; 0: not to */
	bool hinted;
	char *pending; /* the newest document that waits to be parsed; NULL: none */
	size_t pending_len;
	uint64_t parse_ns; /* not to be parsed before */
	uint64_t hash;     /* of the last one that was */
	bool has_hash;
	struct parse *parse; /* NULL: none is being parsed */

	struct list *list; /* NULL: none yet */
	struct list *old;  /* the one before; the next parse lets go of it */

	/* its standard error */
	char line[PROGRAM_LINE_MAX];
	size_t line_len;
	uint64_t credit_ns; /* a second for each line that may be logged */
	uint64_t credit_at_ns, n_dropped;
};

/* Takes the entry over. Nothing is started before program_run. NULL: out of memory. */
struct program *program_create(struct directory_entry *entry, const char *directory,
			       const struct spawn_user *user, uint32_t max_addresses, int epoll_fd,
			       int parsed_fd, uint64_t now_ns);

/* Also kills and reaps what still runs. */
void program_destroy(struct program *p);

/* Does what its time has come for. */
void program_run(struct program *p, uint64_t now_ns);

/* When program_run is to be called at the latest; UINT64_MAX: never. */
uint64_t program_deadline_ns(const struct program *p);

/* Takes a result of the parser's thread; true if the list is another one now. */
bool program_take_parsed(struct program *p);

/* How many targets its list has. */
size_t program_n_targets(const struct program *p);

/* Asks it to end. `remove`: and never starts it again; else it starts again at once. */
void program_stop(struct program *p, bool remove, uint64_t now_ns);

/* Sends a signal to the whole process group, if there is one. */
void program_signal(struct program *p, int number);
