/* SPDX-License-Identifier: MIT */
/*
 * A client that reads a file, by the C library and by Windows' functions: the words of its command line are the file's
 * name and the word that its second line should be. Without them it says so and ends with 2. The same source is a
 * Windows program and a Whimbrel root program, whose files are modules of the image (docs/clients.md).
 */
#include <windows.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SIZE_LIMIT 4096

static int Failures;

static void Check(BOOL good, const char *what)
{
    printf("%-34s %s\n", what, good ? "good" : "BAD");
    Failures += !good;
}

static void WithStreams(const char *name, const char *word)
{
    char line[80];
    FILE *file = fopen(name, "rb");
    if (file == NULL) {
        perror(name);
        Failures++;
        return;
    }
    Check(fgets(line, sizeof(line), file) != NULL && strchr(line, '\n') != NULL, "fgets");
    long second = ftell(file);
    Check(second == (long)strlen(line), "ftell");
    Check(fgets(line, sizeof(line), file) != NULL && strncmp(line, word, strlen(word)) == 0, "the second line");
    Check(fseek(file, 0, SEEK_END) == 0 && ftell(file) > second && fgetc(file) == EOF && feof(file), "the end");
    Check(fseek(file, second, SEEK_SET) == 0 && !feof(file) && fgetc(file) == word[0], "fseek");
    Check(ungetc('#', file) == '#' && fread(line, 1, 2, file) == 2 && line[0] == '#' && line[1] == word[1], "ungetc");
    fclose(file);
}

static void WithHandles(const char *name, const char *word)
{
    static char text[SIZE_LIMIT];
    LARGE_INTEGER size, distance;
    DWORD read = 0;
    HANDLE file = CreateFileA(name, GENERIC_READ, FILE_SHARE_READ, NULL, OPEN_EXISTING, FILE_ATTRIBUTE_NORMAL, NULL);
    if (file == INVALID_HANDLE_VALUE) {
        printf("CreateFile failed: %lu\n", GetLastError());
        Failures++;
        return;
    }
    Check(GetFileSizeEx(file, &size) && size.QuadPart > 0 && size.QuadPart < SIZE_LIMIT, "GetFileSizeEx");
    Check(GetFileSize(file, NULL) == size.LowPart, "GetFileSize");
    Check(ReadFile(file, text, sizeof(text), &read, NULL) && read == size.LowPart, "ReadFile");
    Check(strstr(text, word) != NULL, "the word");
    Check(ReadFile(file, text, sizeof(text), &read, NULL) && read == 0, "ReadFile at the end");
    distance.QuadPart = -2;
    Check(SetFilePointerEx(file, distance, &distance, FILE_END) && distance.QuadPart == size.QuadPart - 2,
          "SetFilePointerEx");
    Check(ReadFile(file, text, sizeof(text), &read, NULL) && read == 2, "the last two bytes");
    Check(SetFilePointer(file, 0, NULL, FILE_BEGIN) == 0, "SetFilePointer");
    Check(CloseHandle(file) && !CloseHandle(INVALID_HANDLE_VALUE + 0 == file ? NULL : file), "CloseHandle");
}

static void WhatIsNotThere(void)
{
    char *message = NULL;
    HANDLE file = CreateFileA("no-such.file", GENERIC_READ, 0, NULL, OPEN_EXISTING, 0, NULL);
    Check(file == INVALID_HANDLE_VALUE && GetLastError() == ERROR_FILE_NOT_FOUND, "a file that is not there");
    FILE *stream = fopen("no-such.file", "rb");
    Check(stream == NULL, "nor by fopen");
    DWORD length =
        FormatMessageA(FORMAT_MESSAGE_ALLOCATE_BUFFER | FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_IGNORE_INSERTS,
                       NULL, ERROR_FILE_NOT_FOUND, 0, (LPSTR)&message, 0, NULL);
    Check(length > 0 && message != NULL && strlen(message) == length, "FormatMessage");
    LocalFree(message);
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: %s FILE WORD (it got %d words)\n", argv[0], argc - 1);
        return 2;
    }
    WithStreams(argv[1], argv[2]);
    WithHandles(argv[1], argv[2]);
    WhatIsNotThere();
    printf("files: %s\n", Failures == 0 ? "good" : "bad");
    return Failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
