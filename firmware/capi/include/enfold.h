/* Made by cbindgen from src/lib.rs: do not edit. */

#ifndef ENFOLD_H
#define ENFOLD_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

/*
 Features of a row.
 */
#define ENFOLD_FEATURES 16

/*
 Bytes of a checkpoint.
 */
#define ENFOLD_CHECKPOINT 2068

/*
 Words of a detector, or a few more than the target needs.
 */
#define ENFOLD_WORDS 265

/*
 What a call came to.
 */
typedef enum EnfoldStatus {
  /*
   Done.
   */
  ENFOLD_OK = 0,
  /*
   A pointer was null, or the number of features another.
   */
  ENFOLD_BAD_ARGUMENT = 1,
  /*
   A number is NaN, infinite or larger than 10¹²; nothing has changed.
   */
  ENFOLD_NON_FINITE = 2,
  /*
   Not enough rows were seen for a score.
   */
  ENFOLD_UNTRAINED = 3,
  /*
   The buffer is too short, or the bytes are no checkpoint; nothing has changed.
   */
  ENFOLD_BAD_BYTES = 4,
} EnfoldStatus;

/*
 What is normal, and whether the alarm is on. Zeroed memory answers `ENFOLD_UNTRAINED` until
 `enfold_init` or `enfold_restore`.
 */
typedef struct EnfoldDetector {
  uint64_t words[ENFOLD_WORDS];
} EnfoldDetector;

/*
 What a row came to.
 */
typedef struct EnfoldVerdict {
  /*
   0 is typical, 1 the edge of normal; 0 while in training.
   */
  float score;
  /*
   Whether `score` means anything: training is over.
   */
  bool scored;
  /*
   Whether the alarm is on.
   */
  bool alarm;
  /*
   Whether this row raised it.
   */
  bool raised;
} EnfoldVerdict;

/*
 Makes a detector that has seen nothing: `front` rows before the first fit, `train` rows before
 the first score.

 # Safety
 `detector` is null or points to writable memory for one detector.
 */
enum EnfoldStatus enfold_init(struct EnfoldDetector *detector, uint32_t front, uint32_t train);

/*
 Takes in a row: scores it, steps the alarm, learns what is normal.

 # Safety
 `detector` is null or was initialised and is not used by anybody else during the call; `row`
 is null or points to `len` floats; `verdict` is null or points to writable memory for one.
 */
enum EnfoldStatus enfold_push(struct EnfoldDetector *detector,
                              const float *row,
                              size_t len,
                              struct EnfoldVerdict *verdict);

/*
 As `enfold_push`, but leaves what takes longer than a score to `enfold_finish_step`, with the
 same bits in the end. What is still left when the next row comes is done first.

 # Safety
 As for `enfold_push`.
 */
enum EnfoldStatus enfold_begin(struct EnfoldDetector *detector,
                               const float *row,
                               size_t len,
                               struct EnfoldVerdict *verdict);

/*
 Does at most `budget` steps, of about a score each, of what `enfold_begin` left to do; returns
 how many are left: at most 41, 0 also for null.

 # Safety
 `detector` is null or was initialised and is not used by anybody else during the call.
 */
uint32_t enfold_finish_step(struct EnfoldDetector *detector, uint32_t budget);

/*
 The score of a row; learns nothing.

 # Safety
 As for `enfold_push`; `score` is null or points to a writable float.
 */
enum EnfoldStatus enfold_score(const struct EnfoldDetector *detector,
                               const float *row,
                               size_t len,
                               float *score);

/*
 Writes a checkpoint of `ENFOLD_CHECKPOINT` bytes.

 # Safety
 `detector` is null or was initialised; `out` is null or points to `len` writable bytes.
 */
enum EnfoldStatus enfold_checkpoint(const struct EnfoldDetector *detector,
                                    uint8_t *out,
                                    size_t len);

/*
 Replaces the state by a checkpoint. Any bytes are safe.

 # Safety
 `detector` is null or was initialised and is not used by anybody else during the call; `bytes`
 is null or points to `len` bytes.
 */
enum EnfoldStatus enfold_restore(struct EnfoldDetector *detector, const uint8_t *bytes, size_t len);

#endif  /* ENFOLD_H */
