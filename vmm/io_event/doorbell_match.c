/* SPDX-License-Identifier: MIT */
#include "vmm/io_event/doorbell_match.h"

static bool is_length(uint32_t length, bool port)
{
    return length == 1 || length == 2 || length == 4 || (length == 8 && !port);
}

bool doorbell_match_read(const WHV_DOORBELL_MATCH_DATA *data, uint64_t limit, struct doorbell_match *out)
{
    bool port = (data->GuestAddress & WHB_DOORBELL_PORT) != 0;
    uint64_t end = port ? WHB_DOORBELL_PORT + 0x10000 : limit;
    *out = (struct doorbell_match){
        .address = data->GuestAddress,
        .value = data->MatchOnValue != 0 ? data->Value : 0,
        .length = data->MatchOnLength != 0 ? data->Length : 0,
        .on_value = data->MatchOnValue != 0,
    };
    if (data->Reserved != 0 || data->GuestAddress >= end) {
        return false;
    }
    if (data->MatchOnLength != 0 && !is_length(data->Length, port)) {
        return false;
    }
    uint32_t longest = out->length != 0 ? out->length : port ? 4 : 8;
    return longest == 8 || out->value >> (8 * longest) == 0;
}

bool doorbell_match_same(const struct doorbell_match *a, const struct doorbell_match *b)
{
    return a->address == b->address && a->value == b->value && a->length == b->length && a->on_value == b->on_value;
}

bool doorbell_matches(const struct doorbell_match *match, uint64_t address, uint64_t value, uint32_t size)
{
    return match->address == address && (match->length == 0 || match->length == size) &&
           (!match->on_value || match->value == value);
}
