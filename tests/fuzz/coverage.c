/* Shows libFuzzer what the C libraries do. GCC calls __sanitizer_cov_trace_pc at every branch of code that it compiles
   with -fsanitize-coverage=trace-pc; libFuzzer has that function too, but does nothing in it any more, so the linker is
   told to --wrap it. libFuzzer reads the counters of this section like those that it keeps itself. */

#include <stdint.h>

#define COUNTERS (1u << 15)

__attribute__((section("__libfuzzer_extra_counters"), used)) static uint8_t counters[COUNTERS];

__attribute__((no_sanitize_coverage)) void __wrap___sanitizer_cov_trace_pc(void) {
    uintptr_t place = (uintptr_t)__builtin_return_address(0);
    counters[(place ^ place >> 15) % COUNTERS]++;
}
