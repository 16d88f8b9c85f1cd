// SPDX-License-Identifier: GPL-2.0-only
/* What the tests of things that happen to the process share, see process.h. */
#include "process.h"

const struct oracle_req process_whole = {
	.iova = START,
	.length = LENGTH,
	.page_size = MOCK_PAGE,
};

int process_open(struct mock *m)
{
	unsigned int i;
	int rc;

	rc = mock_open(m, MOCK_PAGE);
	for (i = 0; i < WINDOWS && !rc; i++) {
		uint64_t iova = START + i * MOCK_WINDOW;

		rc = mock_map(m, iova, AREA_LEN, MOCK_PAGE);
		if (!rc)
			rc = mock_map(m, iova + MOCK_WINDOW - AREA_LEN,
				      AREA_LEN, MOCK_PAGE);
	}
	return rc ? rc : mock_set(m, true);
}

int process_write(struct mock *m, unsigned int seed)
{
	unsigned int i;
	int rc = 0;

	for (i = 0; i < WINDOWS && !rc; i++) {
		uint64_t iova = START + i * MOCK_WINDOW;

		rc = mock_write_random(m, iova, AREA_LEN, 20, &seed);
		if (!rc)
			rc = mock_write_random(m, iova + MOCK_WINDOW - AREA_LEN,
					       AREA_LEN, 20, &seed);
	}
	return rc;
}

int process_get(struct mock *m, void *map)
{
	return iommufd_get_dirty(m->fd, m->hwpt, 0, START, LENGTH, MOCK_PAGE,
				 map);
}

void *process_get_thread(void *getter)
{
	struct process_getter *g = getter;

	g->rc = iommufd_get_dirty(g->m->fd, g->m->hwpt, 0, START, g->length,
				  MOCK_PAGE, g->map);
	return NULL;
}
