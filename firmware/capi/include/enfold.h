/* Made by cbindgen from src/lib.rs: do not edit.

 enfold's anomaly detector: learns on the device what rows of numbers are normal, and raises an alarm
 when one is not. No heap, no panic; the state is one struct that the caller owns.

   static EnfoldDetector detector;
   EnfoldVerdict verdict;
   enfold_init(&detector, 96, 384);                          once; or enfold_restore
   enfold_push(&detector, row, ENFOLD_FEATURES, &verdict);   for every row; verdict.raised: an alarm

 Every call answers ENFOLD_OK or says what was wrong and does nothing. Different detectors may be used
 at the same time; of one, calls must not overlap, also not with one from an interrupt. */

#ifndef ENFOLD_H
#define ENFOLD_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

/*
 Features of a row: numbers that each keep their meaning and their place, such as the mean and the
 deviation of each of eight sensors over the last samples.
 */
#define ENFOLD_FEATURES 16

/*
 Bytes that a checkpoint takes.
 */
#define ENFOLD_CHECKPOINT 2068

/*
 Words of 64 bits in a detector: enough on every target.
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
   A pointer is null, the length of a row is not `ENFOLD_FEATURES`, or `front` or `train` is out of
   its range.
   */
  ENFOLD_BAD_ARGUMENT = 1,
  /*
   A number is NaN, infinite or larger than 10¹²; nothing has changed.
   */
  ENFOLD_NON_FINITE = 2,
  /*
   `enfold_score` before training is over, or a detector that was not initialised.
   */
  ENFOLD_UNTRAINED = 3,
  /*
   The buffer is shorter than `ENFOLD_CHECKPOINT`, or the bytes are no checkpoint, or a damaged one;
   nothing has changed.
   */
  ENFOLD_BAD_BYTES = 4,
} EnfoldStatus;

/*
 A detector: what is normal, and whether the alarm is on. Its words are its own business. Zeroed
 memory, such as a static, may be passed to every call: rows are `ENFOLD_UNTRAINED` until
 `enfold_init` or `enfold_restore`.
 */
typedef struct EnfoldDetector {
  uint64_t words[ENFOLD_WORDS];
} EnfoldDetector;

/*
 What `enfold_push` and `enfold_begin` say of a row.
 */
typedef struct EnfoldVerdict {
  /*
   How unusual the row is: 0 is typical, 1 the edge of normal, which 1 % of normal rows pass, and
   there is no largest one. 0 while in training.
   */
  float score;
  /*
   Whether `score` means anything: training is over.
   */
  bool scored;
  /*
   Whether the alarm is on: from a score above 1.2 until one of 1 or below.
   */
  bool alarm;
  /*
   Whether this row switched it on.
   */
  bool raised;
} EnfoldVerdict;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/*
 Makes a detector that has seen nothing. It trains on the first `train` rows, all of which should be
 normal, and scores after them; with the first `front` of these it learns which features move
 together. `front` is at least 2 and `train` at least twice `front`: 96 and 384, say.

 # Safety
 `detector` is null or points to writable memory for one detector.
 */
enum EnfoldStatus enfold_init(struct EnfoldDetector *detector, uint32_t front, uint32_t train);

/*
 Takes in a row: scores it, steps the alarm, learns from it what is normal. `row` has `len` =
 `ENFOLD_FEATURES` numbers; what is said of it goes to `verdict`, unless that is null. In training the
 answer is `ENFOLD_OK` too, and `scored` is false.

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
 Does at most `budget` steps, each of about the time of a score, of what `enfold_begin` left to do.
 Returns how many are left, at most 41; 0 for null.

 # Safety
 `detector` is null or was initialised and is not used by anybody else during the call.
 */
uint32_t enfold_finish_step(struct EnfoldDetector *detector, uint32_t budget);

/*
 Writes the score of a row to `score`; learns nothing, and leaves the alarm as it is.

 # Safety
 As for `enfold_push`; `score` is null or points to a writable float.
 */
enum EnfoldStatus enfold_score(const struct EnfoldDetector *detector,
                               const float *row,
                               size_t len,
                               float *score);

/*
 Writes the state as `ENFOLD_CHECKPOINT` bytes, the same on every target, to `out`, which has room for
 `len`. It takes more stack between `enfold_begin` and the last `enfold_finish_step`.

 # Safety
 `detector` is null or was initialised; `out` is null or points to `len` writable bytes.
 */
enum EnfoldStatus enfold_checkpoint(const struct EnfoldDetector *detector,
                                    uint8_t *out,
                                    size_t len);

/*
 Replaces the state by a checkpoint, `front` and `train` with it. Any bytes are safe: what is no
 checkpoint, or a damaged one, is refused.

 # Safety
 `detector` is null or was initialised and is not used by anybody else during the call; `bytes`
 is null or points to `len` bytes.
 */
enum EnfoldStatus enfold_restore(struct EnfoldDetector *detector, const uint8_t *bytes, size_t len);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* ENFOLD_H */
