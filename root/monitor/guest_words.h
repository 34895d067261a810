/* SPDX-License-Identifier: MIT */
/* The words of one module's command line (docs/guests.md). */
#pragma once

#include "root/monitor/guest_config.h"

enum file_kind { FILE_MAIN, FILE_INITRD, FILE_MODULE, FILE_DISK };

struct file_words {
    char name[GUEST_NAME];
    enum file_kind kind;
    enum guest_kind guest_kind;  /* FILE_MAIN */
    struct guest_config options; /* the fields that words set; the defaults for what is not given */
    bool main_option;            /* a word that only FILE_MAIN takes is given */
    bool readonly;
    const char *rest; /* behind " -- ", or ""; in the text */
};

/* Where sentences go. */
struct config_problem {
    uint32_t module; /* from 1, for the sentence's beginning */
    char *text;
    size_t size;
};

/* Writes "module N: " and the sentence, in which %s is `word`; returns false. */
bool config_fail(const struct config_problem *p, const char *format, const char *word);

/* False: a word is wrong or missing, and the problem's text says which. */
bool file_words_parse(const struct config_problem *p, const char *text, struct file_words *words);
