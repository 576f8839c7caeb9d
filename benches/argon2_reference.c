/* The C reference of argon2id, one hash for each line that it reads: prints how many nanoseconds each took.
 *
 * Built and run by `cargo bench --profile server --bench passwords`, where Debian's libargon2-dev is installed. */
#include <argon2.h>
#include <stdio.h>
#include <time.h>

int main(void) {
  static const char password[] = "correct horse battery staple", salt[] = "\7\7\7\7\7\7\7\7\7\7\7\7\7\7\7\7";
  unsigned char hash[32];
  unsigned memory_kib, passes, lanes;
  while (scanf("%u %u %u", &memory_kib, &passes, &lanes) == 3) {
    struct timespec start, end;
    clock_gettime(CLOCK_MONOTONIC, &start);
    int error =
        argon2id_hash_raw(passes, memory_kib, lanes, password, sizeof password - 1, salt, 16, hash, sizeof hash);
    clock_gettime(CLOCK_MONOTONIC, &end);
    if (error != ARGON2_OK) return 1;
    printf("%lld ", (end.tv_sec - start.tv_sec) * 1000000000LL + end.tv_nsec - start.tv_nsec);
    for (int i = 0; i < 32; i++) printf("%02x", hash[i]);
    printf("\n");
    fflush(stdout);
  }
  return 0;
}
