# SPDX-License-Identifier: BSD-3-Clause
"""What scripts/bench and scripts/bench-scale are made of."""
