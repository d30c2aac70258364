/* What a row came to, as a line of the table or as a JSON object. */
#ifndef LOSTBUDDY_BENCH_REPORT_H
#define LOSTBUDDY_BENCH_REPORT_H

#include "bench/rows.h"

struct result {
	const struct bench_row *row;
	struct measurement m;
	double bar;	/* instructions; 0: none */
	uint64_t bytes;
};

void bench_report_heading(void);
void bench_report_line(const struct result *r);
void bench_report_json(const struct result *r);

#endif
