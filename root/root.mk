# SPDX-License-Identifier: MIT
# What runs in the root partition: the library, the service of `make run`, the bench, and the sample clients, also as
# Windows programs.

ROOT_CFLAGS := $(COMMON) -mgeneral-regs-only -fpie -fvisibility=hidden
ROOT_LDFLAGS := $(LDFLAGS) -pie --no-dynamic-linker -z text -T root/root.ld

# The emulator's decoder. Capstone's table of architectures names them all; those but x86 are absent for the linker, so
# that it takes megabytes less. Nothing calls through their entries, and --gc-sections drops the rest where nobody uses
# the emulator. (Version 4 has eleven of them, version 5 seventeen.)
CAPSTONE := $(firstword $(wildcard $(shell $(CC) $(if $(is_clang),--target=x86_64-linux-gnu) \
	-print-file-name=libcapstone.a 2>/dev/null)) -lcapstone)
CAPSTONE_ABSENT = $(filter-out X86,$(shell $(NM) $(CAPSTONE) 2>/dev/null | sed -n 's/.* T \(.*\)_global_init$$/\1/p'))
ROOT_LIBRARIES = $(foreach a,$(CAPSTONE_ABSENT),--defsym=$(a)_global_init=0 --defsym=$(a)_option=0) $(CAPSTONE)

lib_sources := $(sort $(wildcard $(foreach d,lib libwhv,root/$(d)/*.c root/$(d)/*/*.c root/$(d)/*.S)))
# One of the two answers odd accesses to a guest's local APIC; the other does without the emulator and its decoder.
apic_emulator := root/libwhv/apic_emulator.c
apic_absent := root/libwhv/apic_absent.c
lib_sources := $(filter-out $(apic_absent),$(lib_sources))
compat_sources := $(sort $(wildcard root/compat/*.c root/compat/*.S))
sample_sources := $(sort $(wildcard root/samples/*.c root/samples/*.cpp))
samples := $(basename $(notdir $(sample_sources)))
monitor_sources := $(sort $(wildcard $(foreach d,devices monitor,root/$(d)/*.c)))
service_sources := $(sort $(wildcard $(foreach d,service payloads,root/$(d)/*.c root/$(d)/*.S)))
bench_sources := $(sort $(wildcard root/bench/*.c root/bench/*.S))

# A client's source: includes as on Windows, only the warnings that are usual there, and those no errors. It may use
# floating point; what root/compat is made of may not, but for the functions that take such arguments.
COMPAT_CFLAGS := $(ROOT_CFLAGS) -fshort-wchar -include root/compat/llp64.h
CLIENT_CFLAGS := $(filter-out -mgeneral-regs-only -Werror -Wconversion -Wmissing-prototypes -Wundef -Wshadow \
	-Wcast-qual -Wpointer-arith -Wstrict-prototypes,$(COMPAT_CFLAGS)) -Wno-unknown-pragmas $(CLIENT_WARNINGS) \
	-I$(B)/client/include -Iroot/compat -Iroot/libwhv
# In C++ as far as the language goes without a library's help. clang gives main its plain name in hosted code alone.
CXX := $(if $(is_clang),$(CC:%clang=%clang++),$(CROSS_COMPILE)g++)
CXX_ONLY := -std=c++17 -fno-exceptions -fno-rtti -fno-threadsafe-statics
CLIENT_CXXFLAGS = $(filter-out -std=% $(if $(is_clang),-ffreestanding),$(CLIENT_CFLAGS)) $(CXX_ONLY) \
	$(if $(is_clang),-fno-builtin -Wno-builtin-macro-redefined -U__STDC_HOSTED__ -D__STDC_HOSTED__=0)
WINDOWS_CC ?= x86_64-w64-mingw32-gcc
WINDOWS_CXX ?= x86_64-w64-mingw32-g++
WINDOWS_CFLAGS := -std=gnu11 -O2 -Wall -Wextra -Wno-unknown-pragmas $(CLIENT_WARNINGS)
WINDOWS_CXXFLAGS := $(CXX_ONLY) -static $(filter-out -std=%,$(WINDOWS_CFLAGS))
client_files := $(sort $(wildcard root/samples/*))
# String functions, strtoul and their like for clients, from Debian's static C library.
MUSL := $(firstword $(wildcard /usr/lib/x86_64-linux-musl/libc.a) -lmusl-dev-is-missing)

root_objects := $(call object,$(lib_sources) $(monitor_sources) $(service_sources))
bench_objects := $(call object,$(lib_sources) $(bench_sources))
compat_objects := $(call object,$(lib_sources) $(compat_sources))
sample_objects := $(call object,$(sample_sources))

$(B)/obj/root/samples/%: flags_of = $(CLIENT_CFLAGS)
$(B)/obj/root/compat/%: flags_of = $(COMPAT_CFLAGS)
$(B)/obj/root/compat/print%: flags_of = $(filter-out -mgeneral-regs-only,$(COMPAT_CFLAGS))
$(B)/obj/root/% $(B)/obj/tests/%: flags_of = $(ROOT_CFLAGS) $(CFLAGS_$*)

$(B)/obj/root/samples/%.cpp.o: root/samples/%.cpp $(B)/flags
	$(call say,CXX,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CXX) $(CLIENT_CXXFLAGS) -MMD -MP -c $< -o $@

$(B)/root.elf: $(root_objects)
$(B)/bench-root.elf: $(bench_objects)
$(B)/root.elf $(B)/test-root.elf $(B)/attack-root.elf $(B)/bench-root.elf: root/root.ld $(B)/objects $(B)/flags
	$(call say,LD,$@)
	$(Q)$(LD) $(ROOT_LDFLAGS) -o $@ $(filter %.o,$^) $(ROOT_LIBRARIES)

# A sample that does not name local APICs does not make any.
apic_of = $(call object,$(if $(shell grep -l LocalApicEmulationMode $(1)),$(apic_emulator),$(apic_absent)))
link_sample = $(Q)$(LD) $(ROOT_LDFLAGS) -o $@ \
	$(filter-out $(call object,$(apic_emulator) $(apic_absent)),$(filter %.o,$^)) \
	$(call apic_of,$(1)) $(ROOT_LIBRARIES) $(MUSL)
sample_needs := $(compat_objects) $(call object,$(apic_absent)) root/root.ld $(B)/objects $(B)/flags
$(B)/sample-%.elf: $(B)/obj/root/samples/%.c.o $(sample_needs)
	$(call say,LD,$@)
	$(call link_sample,root/samples/$*.c)

$(B)/sample-%.elf: $(B)/obj/root/samples/%.cpp.o $(sample_needs)
	$(call say,LD,$@)
	$(call link_sample,root/samples/$*.cpp)

# Windows' file names have no case; ours have, and mingw-w64 on Linux has them all in small letters.
$(B)/client/includes: $(client_files) $(wildcard root/compat/*.h root/libwhv/*.h) scripts/mkincludes $(B)/flags
	$(Q)scripts/mkincludes $(@D)/include --headers root/compat --headers root/libwhv $(client_files)
	@touch $@

$(B)/windows/includes: $(client_files) scripts/mkincludes $(B)/flags
	$(Q)scripts/mkincludes $(@D)/include $(client_files)
	@touch $@

$(sample_objects): $(B)/client/includes

$(B)/windows/%.exe: root/samples/%.c $(B)/windows/includes
	$(call say,WINCC,$<)
	$(Q)$(WINDOWS_CC) $(WINDOWS_CFLAGS) -I$(B)/windows/include -o $@ $< -lwinhvplatform -lwinhvemulation

$(B)/windows/%.exe: root/samples/%.cpp $(B)/windows/includes
	$(call say,WINCXX,$<)
	$(Q)$(WINDOWS_CXX) $(WINDOWS_CXXFLAGS) -I$(B)/windows/include -o $@ $< -lwinhvplatform -lwinhvemulation
