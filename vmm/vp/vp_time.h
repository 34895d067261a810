/* SPDX-License-Identifier: MIT */
/*
 * A partition's time: its VPs' TSCs and its reference time stand still while it is suspended. VPs learn how long that
 * was at their next run.
 */
#pragma once

#include <stdint.h>

#include "vmm/partition/partition_time.h"
#include "vmm/vp/vp.h"

/*
 * WHB_ERROR_BUSY: a VP runs; nothing changed. Suspending twice, or resuming what is not suspended, is no error. The
 * next run of any VP resumes too.
 */
enum whb_status partition_time_suspend(struct partition *p);
void partition_time_resume(struct partition *p);

/* Time begins anew, at zero, and is suspended until the next run. The partition's lock is held, no VP runs. */
void partition_time_restart(struct partition *p);

/* At a run's start, after cpu->running says that this CPU runs the partition; the VP's VMCS is current. */
void partition_time_start(struct vp *vp);

/* Ticks of the TSC, less what the partition was suspended. No TSC of a VP, which guest and root can set, moves it. */
uint64_t partition_time_clock(const struct partition *p);

/* The VP's TSC now, or when the clock was `clock`, in TSC ticks; the caller owns the VP. */
uint64_t partition_time_tsc(const struct vp *vp);
uint64_t partition_time_tsc_at(const struct vp *vp, uint64_t clock);

/* What is added to the host's TSC; the VP's VMCS is current for the second. */
uint64_t partition_time_offset(struct vp *vp);
void partition_time_set_offset(struct vp *vp, uint64_t offset);

/* Makes the VP's TSC read `value` now. Its VMCS is current. */
void partition_time_set_tsc(struct vp *vp, uint64_t value);

/* A guest's WRMSR to IA32_TSC or IA32_TSC_ADJUST moves both (SDM vol. 3B, 18.17.3). The VMCS is current. */
void partition_time_write_tsc(struct vp *vp, uint64_t value);
void partition_time_write_adjust(struct vp *vp, uint64_t value);
