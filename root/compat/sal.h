/* SPDX-License-Identifier: MIT */
/* Windows' annotations of parameters: nothing for these compilers. */
#pragma once

#define _In_
#define _In_z_
#define _In_opt_
#define _In_opt_z_
#define _In_reads_(n)
#define _In_reads_opt_(n)
#define _In_reads_bytes_(n)
#define _In_reads_bytes_opt_(n)
#define _In_range_(low, high)
#define _Out_
#define _Out_opt_
#define _Out_writes_(n)
#define _Out_writes_opt_(n)
#define _Out_writes_bytes_(n)
#define _Out_writes_bytes_opt_(n)
#define _Out_writes_bytes_to_(n, m)
#define _Out_writes_bytes_to_opt_(n, m)
#define _Out_writes_all_(n)
#define _Out_writes_to_(n, m)
#define _Out_writes_z_(n)
#define _Outptr_
#define _Outptr_opt_
#define _Inout_
#define _Inout_opt_
#define _Inout_updates_(n)
#define _Inout_updates_bytes_(n)
#define _Inout_updates_bytes_opt_(n)
#define _COM_Outptr_
#define _Ret_maybenull_
#define _Ret_notnull_
#define _Reserved_
#define _Frees_ptr_opt_
#define _Field_size_(n)
#define _Field_size_bytes_(n)
#define _Printf_format_string_
#define _Must_inspect_result_
#define _Check_return_
#define _Check_return_opt_
#define _Success_(e)
#define _When_(c, a)
#define _Pre_
#define _Post_
#define _Notnull_
#define _Maybenull_
#define _Null_terminated_
#define _Function_class_(f)
#define _Use_decl_annotations_
#define _Analysis_assume_(e)
