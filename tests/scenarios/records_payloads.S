/* SPDX-License-Identifier: MIT */
/* Guest code of records_*.c. Loaded at 0x1000 unless the scenario says otherwise; labels are used for RIP checks. */
    .section .rodata.records, "a", @progbits
    .macro PAYLOAD name
    .balign 16
    .globl payload_\name, payload_\name\()_end
payload_\name:
    .endm
    .macro AT name
    .globl at_\name
at_\name:
    .endm

/* The same bytes in each mode would not mean the same, so one block a width. EAX/RAX = pattern from the host. */
    .code16
    PAYLOAD io16
    AT io16_out8
    outb %al, $0x10
    AT io16_out16
    outw %ax, $0x12
    AT io16_out32
    outl %eax, $0x14
    AT io16_in8
    inb (%dx), %al
    AT io16_in16
    inw (%dx), %ax
    AT io16_in32
    inl (%dx), %eax
    AT io16_outsb
    outsb
    AT io16_rep_outsw
    rep outsw
    AT io16_insl
    insl
    AT io16_rep_insb
    rep insb
    AT io16_es_outsb
    outsb %es:(%si), (%dx)
    hlt
payload_io16_end:

    .code32
    PAYLOAD io32
    AT io32_out8
    outb %al, $0x20
    AT io32_in32
    inl (%dx), %eax
    AT io32_rep_outsl
    rep outsl
    hlt
payload_io32_end:

    .code64
    PAYLOAD io64
    AT io64_out16
    outw %ax, $0x30
    AT io64_in8
    inb (%dx), %al
    AT io64_rep_insl
    rep insl
    hlt
payload_io64_end:

/* Memory, 64-bit: RBX = address. */
    PAYLOAD mem64
    AT mem64_read
    movq (%rbx), %rax
    AT mem64_write
    movl %eax, 8(%rbx)
    AT mem64_rmw
    incb 16(%rbx)
    AT mem64_hlt
    hlt
    AT mem64_jump
    jmp *%rbx
payload_mem64_end:

    .code32
    PAYLOAD mem32
    AT mem32_read
    movl (%ebx), %eax
    AT mem32_write
    movb $0x77, 4(%ebx)
    hlt
payload_mem32_end:

    .code16
    PAYLOAD halt16
    hlt
    AT halt16_second
    cli
    hlt
    AT halt16_third
    sti
    hlt
    AT halt16_end
    hlt
payload_halt16_end:

    PAYLOAD shadow16
    sti
    AT shadow16_sti
    outb %al, $0x40
    outb %al, $0x41
    movw %ax, %ss
    AT shadow16_ss
    outb %al, $0x42
    hlt
payload_shadow16_end:

    PAYLOAD ids16
    AT ids16_cpuid
    cpuid
    AT ids16_rdmsr
    rdmsr
    AT ids16_wrmsr
    wrmsr
    hlt
payload_ids16_end:

/* Reads the MSR in ECX, or #GP: the handler at 0x1800 says so on port 0x50. */
    PAYLOAD msr16
    rdmsr
    AT msr16_read
    outb %al, $0x51
    wrmsr
    AT msr16_wrote
    outb %al, $0x52
    hlt
payload_msr16_end:

    PAYLOAD gp16
    outb %al, $0x50
    hlt
payload_gp16_end:

    PAYLOAD ud64_marker
    outb %al, $0x60
    hlt
payload_ud64_marker_end:

    .code64
    PAYLOAD vmcall64
    vmcall
    hlt
payload_vmcall64_end:
    PAYLOAD vmxon64
    vmxon (%rsp)
    hlt
payload_vmxon64_end:

/* Handlers that count in memory at 0x2000 and return. */
    PAYLOAD count64
    incq 0x2000
    iretq
payload_count64_end:
    PAYLOAD count_error64
    incq 0x2000
    popq 0x2008
    iretq
payload_count_error64_end:
/* An NMI handler that stops inside, so that NMI blocking can be seen. */
    PAYLOAD nmi64
    incq 0x2000
    AT nmi64_inside
    outb %al, $0x70
    iretq
payload_nmi64_end:

    PAYLOAD idle64
    AT idle64_first
    hlt
    AT idle64_second
    hlt
    hlt
payload_idle64_end:

    PAYLOAD int64
    AT int64_at
    int $0x30
    AT int64_after
    hlt
payload_int64_end:

    .code16
    PAYLOAD triple16
    AT triple16_at
    ud2
payload_triple16_end:
    .section .note.GNU-stack, "", @progbits
