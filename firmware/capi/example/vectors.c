/* Where a Cortex-M4 starts: the stack, and newlib's start once the FPU is on. */
#include <stdint.h>

extern char __stack;
void _start(void);

void reset(void) {
    /* CPACR: full access to coprocessors 10 and 11. */
    *(volatile uint32_t *)0xE000ED88u |= 0xFu << 20;
    _start();
}

__attribute__((section(".vectors"), used)) static const struct {
    char *stack;
    void (*reset)(void);
} vectors = { &__stack, reset };
