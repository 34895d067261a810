/* SPDX-License-Identifier: MIT */
/* All scenario lists; a topic adds its own here. */
#pragma once

#include "tests/scenarios/scenario.h"

extern scenario_list scenarios_smoke;

static const struct scenario *const scenario_lists[] = {
    scenarios_smoke,
    NULL,
};
