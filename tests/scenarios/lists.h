/* SPDX-License-Identifier: MIT */
/* All scenario lists; a topic adds its own here. */
#pragma once

#include "tests/scenarios/scenario.h"

extern scenario_list scenarios_smoke;
extern scenario_list scenarios_calls_arguments;
extern scenario_list scenarios_calls_map_list;
extern scenario_list scenarios_calls_memory;
extern scenario_list scenarios_calls_smp;
extern scenario_list scenarios_doorbell;
extern scenario_list scenarios_posted;
extern scenario_list scenarios_posted_limits;
extern scenario_list scenarios_memory_dirty;
extern scenario_list scenarios_memory_rights;
extern scenario_list scenarios_root_events;
extern scenario_list scenarios_root_machine;
extern scenario_list scenarios_out_of_memory;
extern scenario_list scenarios_heap;
extern scenario_list scenarios_smp_run;
extern scenario_list scenarios_state_separation;
extern scenario_list scenarios_vp_registers;
extern scenario_list scenarios_register_names;
extern scenario_list scenarios_events;
extern scenario_list scenarios_entry_agreement;
extern scenario_list scenarios_entry_checks;
extern scenario_list scenarios_fault_chains;
extern scenario_list scenarios_whv_functions;
extern scenario_list scenarios_whv_works;
extern scenario_list scenarios_whv_results;
extern scenario_list scenarios_client_registers;
extern scenario_list scenarios_segments;
extern scenario_list scenarios_xsave_forms;
extern scenario_list scenarios_records_ids;
extern scenario_list scenarios_properties;
extern scenario_list scenarios_cpuid_lists;
extern scenario_list scenarios_records_ends;
extern scenario_list scenarios_records_io;
extern scenario_list scenarios_records_memory;
extern scenario_list scenarios_records_modes;
extern scenario_list scenarios_records_exceptions;
extern scenario_list scenarios_records_later;
extern scenario_list scenarios_windows;
extern scenario_list scenarios_vp_state;
extern scenario_list scenarios_apic_guest;
extern scenario_list scenarios_apic_smp;
extern scenario_list scenarios_apic_races;
extern scenario_list scenarios_apic_self_ipi;
extern scenario_list scenarios_apic_wake;
extern scenario_list scenarios_apic_time;
extern scenario_list scenarios_apic_errors;
extern scenario_list scenarios_msr_policy;
extern scenario_list scenarios_emulator;
extern scenario_list scenarios_fpu_registers;
extern scenario_list scenarios_debug_registers;
extern scenario_list scenarios_instruction_faults;
extern scenario_list scenarios_endless;
extern scenario_list scenarios_root_bending;
extern scenario_list scenarios_root_init;
extern scenario_list scenarios_leaving;
extern scenario_list scenarios_root_steps;
extern scenario_list scenarios_hardware_model;
extern scenario_list scenarios_completion;
extern scenario_list scenarios_completion_state;
extern scenario_list scenarios_completion_posted;
extern scenario_list scenarios_guest_msrs;
extern scenario_list scenarios_error_codes;
extern scenario_list scenarios_memory_modes;
extern scenario_list scenarios_races;
extern scenario_list scenarios_exit_trace;
extern scenario_list scenarios_run_page;
extern scenario_list scenarios_run_page_smp;
extern scenario_list scenarios_leak_between;
extern scenario_list scenarios_leak_others;

/*
 * The root's own NMIs come before the guests': Bochs 2.7, also with KVM between it and us, carries NMI blocking over
 * from one VMCS to another (its bug 1456), and after a guest that blocked NMIs the root would get none.
 */
/* clang-format off */
static const struct scenario *const scenario_lists[] = {
    scenarios_smoke,
    scenarios_root_events,
    scenarios_root_machine,
    scenarios_vp_registers,
    scenarios_register_names,
    scenarios_events,
    scenarios_entry_checks,
    scenarios_entry_agreement,
    scenarios_fault_chains,
    scenarios_records_ids,
    scenarios_calls_arguments,
    scenarios_calls_map_list,
    scenarios_calls_memory,
    scenarios_calls_smp,
    scenarios_whv_functions,
    scenarios_whv_works,
    scenarios_whv_results,
    scenarios_client_registers,
    scenarios_segments,
    scenarios_xsave_forms,
    scenarios_memory_rights,
    scenarios_memory_dirty,
    scenarios_doorbell,
    scenarios_posted,
    scenarios_posted_limits,
    scenarios_out_of_memory,
    scenarios_heap,
    scenarios_smp_run,
    scenarios_state_separation,
    scenarios_records_ends,
    scenarios_records_io,
    scenarios_records_memory,
    scenarios_records_modes,
    scenarios_records_exceptions,
    scenarios_records_later,
    scenarios_windows,
    scenarios_vp_state,
    scenarios_apic_guest,
    scenarios_apic_smp,
    scenarios_apic_races,
    scenarios_apic_self_ipi,
    scenarios_apic_wake,
    scenarios_apic_time,
    scenarios_apic_errors,
    scenarios_msr_policy,
    scenarios_emulator,
    scenarios_properties,
    scenarios_cpuid_lists,
    scenarios_debug_registers,
    scenarios_instruction_faults,
    scenarios_endless,
    scenarios_root_bending,
    scenarios_root_init,
    scenarios_leaving,
    scenarios_root_steps,
    scenarios_hardware_model,
    scenarios_completion,
    scenarios_completion_state,
    scenarios_completion_posted,
    scenarios_error_codes,
    scenarios_fpu_registers,
    scenarios_guest_msrs,
    scenarios_memory_modes,
    scenarios_races,
    scenarios_exit_trace,
    scenarios_run_page,
    scenarios_run_page_smp,
    scenarios_leak_between,
    scenarios_leak_others,
    NULL,
};
/* clang-format on */
