/* SPDX-License-Identifier: BSD-3-Clause */
/* What a client is sent, by what it says that it can read. */
#include "unit.h"

#include "accept.h"

#define MESSAGES                                                                                   \
	"application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;"                 \
	"encoding=delimited"
/* Of Prometheus 2.42 with --enable-feature=native-histograms, and without. */
#define PROMETHEUS_NATIVE                                                                          \
	MESSAGES ",application/openmetrics-text;version=1.0.0;q=0.8,application/"                  \
		 "openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
#define PROMETHEUS                                                                                 \
	"application/openmetrics-text;version=1.0.0,application/"                                  \
	"openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"

static const struct {
	const char *accept;
	bool protobuf;
} formats[] = {
    {PROMETHEUS_NATIVE, true},
    {PROMETHEUS, false},
    {MESSAGES, true},
    {"Application/VND.google.Protobuf ; Encoding=\"delimited\" ;\t"
     "PROTO=\"io.prometheus.client.MetricFamily\";q=0.001",
     true},
    {"", false},
    {"*/*", false},
    {"application/*", false},
    {"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", false},
    /* another message, another encoding, or which is not said */
    {"application/vnd.google.protobuf", false},
    {"application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily", false},
    {"application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=text",
     false},
    {"application/vnd.google.protobuf;proto=other.Message;encoding=delimited", false},
    {"application/x-protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited", false},
    /* weights */
    {MESSAGES ";q=0", false},
    {MESSAGES ";q=0.000", false},
    {MESSAGES ";q=1.000", true},
    {MESSAGES ";q=0.5,text/plain", false},
    {MESSAGES ";q=0.5,text/plain;q=0.5", true},
    {MESSAGES ";q=0.5,text/plain;q=0.4", true},
    {MESSAGES ";q=0.3,text/*;q=0.4,*/*;q=0.1", false},
    {MESSAGES ";q=0.3,*/*;q=0.4", false},
    {MESSAGES ";q=0.3,*/*;q=0.4,text/plain;q=0.2", true},
    {MESSAGES ";q=0.3,text/plain;q=0.4,text/plain;version=0.0.4;q=0.2", true},
    {MESSAGES ";q=0.3,text/plain;version=1.0.0;q=0.9", true},
    {MESSAGES ";q=0.3,text/plain;version=0.0.4;charset=utf-8;q=0.9", false},
    {"text/plain;q=0," MESSAGES, true},
    /* what is wrong is passed over */
    {MESSAGES ";q=2", false},
    {MESSAGES ";q=1.001", false},
    {MESSAGES ";q=0.5000", false},
    {MESSAGES ";q=.5", false},
    {MESSAGES ";q=", false},
    {MESSAGES ";q", false},
    {MESSAGES ";q=high", false},
    {MESSAGES ";q=-1", false},
    {MESSAGES " x", false},
    {MESSAGES ";note=\"never ended", false},
    {MESSAGES ";note=\"a, b; \\\"c\\\"\"", true},
    {"text,,;=/,/;q=9,\"a,b\", " MESSAGES ",", true},
    {"text/plain;note=\"," MESSAGES "\"", false},
    {";;;", false},
    {"/", false},
    {"\\", false},
    {MESSAGES ";;q=0.5;;", true},
};

static void formats_are_negotiated(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		struct accept a;

		accept_init(&a);
		accept_add(&a, formats[i].accept);
		if (accept_format(&a) != (formats[i].protobuf ? EL_EXPO_PROTOBUF : EL_EXPO_TEXT))
			fail_msg("'%s' gets %d", formats[i].accept, accept_format(&a));
		assert_false(accept_gzip(&a));
	}
}

/* Several fields are one list; none at all is text. */
static void fields_are_one_list(void **state)
{
	struct accept a;

	(void)state;
	accept_init(&a);
	assert_int_equal(accept_format(&a), EL_EXPO_TEXT);
	assert_false(accept_gzip(&a));
	accept_add(&a, MESSAGES ";q=0.5");
	accept_add_encoding(&a, "br");
	assert_int_equal(accept_format(&a), EL_EXPO_PROTOBUF);
	accept_add(&a, "text/plain;q=0.6");
	accept_add_encoding(&a, "gzip");
	assert_int_equal(accept_format(&a), EL_EXPO_TEXT);
	assert_true(accept_gzip(&a));
}

static const struct {
	const char *accept;
	bool gzip;
} encodings[] = {
    {"gzip", true},
    {"GZip", true},
    {"x-gzip", true},
    {"gzip, deflate, br, zstd", true},
    {"deflate;q=1, gzip;q=0.001", true},
    {"*", true},
    {"*;q=0.1", true},
    {"gzip;q=0.5, identity;q=0.5", true},
    {"identity;q=0, gzip", true},
    {"", false},
    {"identity", false},
    {"deflate, br", false},
    {"gzip;q=0", false},
    {"gzip;q=0, *", false},
    {"*;q=0", false},
    {"gzip;q=0.4, identity;q=0.5", false},
    {"gzip;q=x", false},
    {"gzip;q=2", false},
    {"gzip/1", false},
    {"gzipped", false},
    {"\"gzip\"", false},
};

static void encodings_are_negotiated(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(encodings) / sizeof(encodings[0]); i++) {
		struct accept a;

		accept_init(&a);
		accept_add_encoding(&a, encodings[i].accept);
		if (accept_gzip(&a) != encodings[i].gzip)
			fail_msg("'%s' gets %d", encodings[i].accept, accept_gzip(&a));
		assert_int_equal(accept_format(&a), EL_EXPO_TEXT);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(formats_are_negotiated),
	    cmocka_unit_test(fields_are_one_list),
	    cmocka_unit_test(encodings_are_negotiated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
