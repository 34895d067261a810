/* SPDX-License-Identifier: MIT */
/* All of the Windows Hypervisor Platform's types. */
#pragma once

#include "abi/whv_base.h"
#include "abi/whv_call_types.h"
#include "abi/whv_codes.h"
#include "abi/whv_device_types.h"
#include "abi/whv_emulator_types.h"
#include "abi/whv_enums.h"
#include "abi/whv_exit_types.h"
#include "abi/whv_feature_types.h"
#include "abi/whv_hresult.h"
#include "abi/whv_nested_types.h"
#include "abi/whv_property_types.h"
#include "abi/whv_register_types.h"
#include "abi/whv_registers.h"
