/* replay - runs kept inputs through a fuzz target: replay FILE|DIRECTORY… */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "fuzz.h"
#include "mem.h"

static unsigned n_replayed;

static bool replay_file(const char *path)
{
    FILE *in = fopen(path, "rb");
    struct stat st;
    if (!in || fstat(fileno(in), &st) != 0) {
        perror(path);
        if (in)
            fclose(in);
        return false;
    }
    size_t size = (size_t)st.st_size;
    uint8_t *data = xmalloc(size ? size : 1); /* exactly as long as the input: reading on is seen */
    bool ok = fread(data, 1, size, in) == size;
    fclose(in);
    if (ok) {
        fprintf(stderr, "%s\n", path); /* the last one is the culprit */
        LLVMFuzzerTestOneInput(data, size);
        n_replayed++;
    }
    free(data);
    return ok;
}

static bool replay_directory(const char *path)
{
    struct dirent **names;
    int n = scandir(path, &names, NULL, alphasort);
    bool ok = n >= 0;
    for (int i = 0; i < n; i++) {
        if (names[i]->d_name[0] != '.') {
            char *file = xasprintf("%s/%s", path, names[i]->d_name);
            ok = replay_file(file) && ok;
            free(file);
        }
        free(names[i]);
    }
    if (n >= 0)
        free(names);
    return ok;
}

int main(int argc, char **argv)
{
    bool ok = argc > 1;
    for (int i = 1; i < argc; i++) {
        struct stat st;
        bool directory = stat(argv[i], &st) == 0 && S_ISDIR(st.st_mode);
        ok = (directory ? replay_directory(argv[i]) : replay_file(argv[i])) && ok;
    }
    printf("%u replayed\n", n_replayed);
    return ok && n_replayed > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
