/* Shows libFuzzer what the C libraries do. GCC calls this function at every branch of code that was compiled with
   -fsanitize-coverage=trace-pc; libFuzzer reads the counters of this section like those that it makes itself. */

#include <stdint.h>

#define COUNTERS (1u << 15)

__attribute__((section("__libfuzzer_extra_counters"), used)) static uint8_t counters[COUNTERS];

__attribute__((no_sanitize_coverage)) void __sanitizer_cov_trace_pc(void) {
    uintptr_t place = (uintptr_t)__builtin_return_address(0);
    counters[(place ^ place >> 15) % COUNTERS]++;
}
