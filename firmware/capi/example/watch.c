/* From readings to an alarm: trains on a made-up machine, survives a restart, finds a fault. */
#include <stdio.h>
#include "enfold.h"

static EnfoldDetector detector;
static uint8_t flash[ENFOLD_CHECKPOINT];

static float row[ENFOLD_FEATURES];
static uint32_t word = 2463534242u;

static float noise(void) {
    word ^= word << 13;
    word ^= word >> 17;
    word ^= word << 5;
    return (float)(word >> 8) / 16777216.0f - 0.5f;
}

static void read_sensors(float shake) {
    float load = noise();
    for (int i = 0; i < ENFOLD_FEATURES; i++) {
        row[i] = (float)i + load * (float)(i % 5) + 0.2f * noise() + (i < 3 ? shake : 0.0f);
    }
}

int main(void) {
    EnfoldVerdict verdict;
    if (enfold_init(&detector, 64, 256) != ENFOLD_OK) return 1;
    for (int t = 0; t < 600; t++) {
        read_sensors(0.0f);
        if (enfold_push(&detector, row, ENFOLD_FEATURES, &verdict) != ENFOLD_OK) return 2;
    }
    if (!verdict.scored) return 3;
    /* The power fails; the state does not. */
    if (enfold_checkpoint(&detector, flash, sizeof flash) != ENFOLD_OK) return 4;
    if (enfold_init(&detector, 64, 256) != ENFOLD_OK) return 5;
    flash[100] ^= 1;
    if (enfold_restore(&detector, flash, sizeof flash) != ENFOLD_BAD_BYTES) return 6;
    flash[100] ^= 1;
    if (enfold_restore(&detector, flash, sizeof flash) != ENFOLD_OK) return 7;
    row[3] = 0.0f / 0.0f;
    if (enfold_push(&detector, row, ENFOLD_FEATURES, &verdict) != ENFOLD_NON_FINITE) return 8;
    read_sensors(2.0f);
    if (enfold_push(&detector, row, ENFOLD_FEATURES, &verdict) != ENFOLD_OK) return 9;
    if (!verdict.raised) return 10;
    puts("a fault of two units in three sensors raises the alarm");
    return 0;
}
