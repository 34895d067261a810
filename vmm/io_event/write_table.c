/* SPDX-License-Identifier: MIT */
#include "vmm/io_event/write_table.h"

#include "vmm/partition/partition.h"

struct write_table *write_table_get(struct partition *p)
{
    if (p->doorbells == NULL) {
        struct write_table *table = page_alloc_for(partition_account(p), PAGE_USE_PARTITION);
        __atomic_store_n(&p->doorbells, table, __ATOMIC_RELEASE);
    }
    return p->doorbells;
}
