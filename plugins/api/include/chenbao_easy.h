/* chenbao_easy.h - a metric in plain C without the ceremony: texts, errors, rows, and the folder inside the library.
 *
 * Everything here is static and stands on chenbao_plugin.h alone; read it as an example of how the contract is kept, or
 * copy it and change it. GCC and Clang on ELF systems (CB_FILE uses the assembler's .incbin).
 */
#ifndef CHENBAO_EASY_H
#define CHENBAO_EASY_H
#include "chenbao_plugin.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CB_UNUSED __attribute__((unused))

/* ---- texts ---------------------------------------------------------------------------------------------------------- */
/* A text that grows. Zero it to begin; text is NULL while nothing was added. */
typedef struct cb_out {
  char *text;
  size_t len, room;
  int failed; /* there was no memory */
} cb_out;

CB_UNUSED static void cb_bytes(cb_out *out, const char *bytes, size_t len) {
  if (out->failed) return;
  if (out->len + len + 1 > out->room) {
    size_t room = (out->len + len + 1) * 2;
    char *text = realloc(out->text, room);
    if (text == NULL) {
      out->failed = 1;
      return;
    }
    out->text = text;
    out->room = room;
  }
  memcpy(out->text + out->len, bytes, len);
  out->len += len;
  out->text[out->len] = '\0';
}

CB_UNUSED __attribute__((format(printf, 2, 3))) static void cb_add(cb_out *out, const char *format, ...) {
  va_list args, again;
  char small[256];
  int len;
  va_start(args, format);
  va_copy(again, args);
  len = vsnprintf(small, sizeof small, format, args);
  va_end(args);
  if (len >= 0 && (size_t)len < sizeof small) {
    cb_bytes(out, small, (size_t)len);
  } else if (len >= 0) {
    char *large = malloc((size_t)len + 1);
    if (large != NULL) {
      vsnprintf(large, (size_t)len + 1, format, again);
      cb_bytes(out, large, (size_t)len);
      free(large);
    } else {
      out->failed = 1;
    }
  } else {
    out->failed = 1;
  }
  va_end(again);
}

/* A text inside JSON quotes. */
CB_UNUSED static void cb_json(cb_out *out, const char *text, size_t len) {
  size_t i;
  cb_bytes(out, "\"", 1);
  for (i = 0; i < len; i++) {
    const unsigned char c = (unsigned char)text[i];
    if (c == '"' || c == '\\') cb_add(out, "\\%c", c);
    else if (c < 0x20) cb_add(out, "\\u%04x", c);
    else cb_bytes(out, text + i, 1);
  }
  cb_bytes(out, "\"", 1);
}

CB_UNUSED static int cb_is(cb_str text, const char *cstr) {
  return text.len == strlen(cstr) && (text.len == 0 || memcmp(text.ptr, cstr, text.len) == 0);
}

/* ---- answers and errors ------------------------------------------------------------------------------------------------ */
CB_UNUSED static void cb_free_buf(cb_buf *self) {
  free(self->private_data);
  memset(self, 0, sizeof *self);
}

CB_UNUSED static void cb_free_error(cb_error *self) {
  free(self->private_data);
  self->private_data = NULL;
  self->release = NULL;
}

/* Fills the caller's error, if it wants one, with a copy of the sentence. */
CB_UNUSED static cb_status cb_fail(cb_error *error, cb_status code, const char *sentence) {
  size_t len = strlen(sentence);
  char *copy;
  if (!CB_HAS(error, cb_error, private_data)) return code;
  error->code = code;
  copy = malloc(len + 1);
  if (copy == NULL) return code;
  memcpy(copy, sentence, len + 1);
  error->message.ptr = copy;
  error->message.len = len;
  error->private_data = copy;
  error->release = cb_free_error;
  return code;
}

/* Hands a text over; the caller releases it. */
CB_UNUSED static cb_status cb_give(cb_buf *buf, cb_out *out, cb_error *error) {
  if (out->failed || out->text == NULL) {
    free(out->text);
    memset(out, 0, sizeof *out);
    return cb_fail(error, CB_INTERNAL, "out of memory");
  }
  buf->ptr = (const uint8_t *)out->text;
  buf->len = out->len;
  buf->private_data = out->text;
  buf->release = cb_free_buf;
  memset(out, 0, sizeof *out);
  return CB_OK;
}

/* ---- rows -------------------------------------------------------------------------------------------------------------- */
typedef struct cb_batch {
  struct ArrowSchema schema;
  struct ArrowArray array;
} cb_batch;

/* One result set, batch after batch. */
typedef struct cb_rows {
  struct ArrowArrayStream stream;
  cb_batch batch;
} cb_rows;

/* Moves the input of that name out of the arguments. On failure rows is empty, and cb_done() is still right. */
CB_UNUSED static cb_status cb_take(const cb_compute_args *args, const char *name, cb_rows *rows, cb_error *error) {
  uint32_t i;
  memset(rows, 0, sizeof *rows);
  for (i = 0; i < args->n_inputs; i++) {
    struct ArrowArrayStream *theirs = args->inputs[i].stream;
    if (!cb_is(args->inputs[i].name, name) || theirs->release == NULL) continue;
    rows->stream = *theirs;
    theirs->release = NULL;
    if (rows->stream.get_schema(&rows->stream, &rows->batch.schema) != 0) {
      const char *why = rows->stream.get_last_error(&rows->stream);
      return cb_fail(error, CB_DATA, why ? why : "the rows have no columns");
    }
    return CB_OK;
  }
  return cb_fail(error, CB_NOT_FOUND, "an input is absent");
}

/* The next batch in rows->batch; 0 at the end, or when *status says why there is none. */
CB_UNUSED static int cb_next(cb_rows *rows, cb_status *status, cb_error *error) {
  if (rows->batch.array.release) rows->batch.array.release(&rows->batch.array);
  memset(&rows->batch.array, 0, sizeof rows->batch.array);
  if (rows->stream.get_next(&rows->stream, &rows->batch.array) != 0) {
    const char *why = rows->stream.get_last_error(&rows->stream);
    *status = cb_fail(error, CB_DATA, why ? why : "the rows could not be read");
    return 0;
  }
  return rows->batch.array.release != NULL;
}

/* Releases everything of a result set; on every way out. */
CB_UNUSED static void cb_done(cb_rows *rows) {
  if (rows->batch.array.release) rows->batch.array.release(&rows->batch.array);
  if (rows->batch.schema.release) rows->batch.schema.release(&rows->batch.schema);
  if (rows->stream.release) rows->stream.release(&rows->stream);
  memset(rows, 0, sizeof *rows);
}

/* Releases the inputs that nobody took; on every way out. */
CB_UNUSED static void cb_release_inputs(const cb_compute_args *args) {
  uint32_t i;
  for (i = 0; i < args->n_inputs; i++) {
    struct ArrowArrayStream *stream = args->inputs[i].stream;
    if (stream->release) stream->release(stream);
  }
}

/* Is this a column of whole numbers of that many bytes (format of the Arrow C interface)? 0: of none. */
CB_UNUSED static int cb_int_size(const char *format) {
  return !strcmp(format, "c") ? 1 : !strcmp(format, "s") ? 2 : !strcmp(format, "i") ? 4 : !strcmp(format, "l") ? 8 : 0;
}

/* The column of that name, if it is bigint or text (what `cast(.. as bigint)` and `cast(.. as varchar)` give), also where its texts
 * stand in a dictionary; else -1. */
CB_UNUSED static int cb_column(const cb_batch *batch, const char *name) {
  int64_t i;
  for (i = 0; i < batch->schema.n_children; i++) {
    const struct ArrowSchema *child = batch->schema.children[i];
    if (strcmp(child->name, name) != 0) continue;
    if (child->dictionary) return !strcmp(child->dictionary->format, "u") && cb_int_size(child->format) ? (int)i : -1;
    return !strcmp(child->format, "l") || !strcmp(child->format, "u") ? (int)i : -1;
  }
  return -1;
}

CB_UNUSED static int cb_is_null(const cb_batch *batch, int column, int64_t row) {
  const struct ArrowArray *array = batch->array.children[column];
  const uint8_t *valid = array->n_buffers > 0 ? (const uint8_t *)array->buffers[0] : NULL;
  const int64_t at = array->offset + batch->array.offset + row;
  return valid != NULL && array->null_count != 0 && !(valid[at / 8] >> (at % 8) & 1);
}

/* A bigint; 0 where it is null or the column is a text. */
CB_UNUSED static int64_t cb_read_int(const cb_batch *batch, int column, int64_t row) {
  const struct ArrowArray *array = batch->array.children[column];
  const struct ArrowSchema *schema = batch->schema.children[column];
  if (schema->dictionary || strcmp(schema->format, "l") != 0 || cb_is_null(batch, column, row)) return 0;
  return ((const int64_t *)array->buffers[1])[array->offset + batch->array.offset + row];
}

/* The text of an array of texts at a place. */
CB_UNUSED static cb_str cb_text_at(const struct ArrowArray *array, int64_t at) {
  const int32_t *ends = (const int32_t *)array->buffers[1] + at;
  cb_str text = {(const char *)array->buffers[2] + ends[0], (size_t)(ends[1] - ends[0])};
  return text;
}

/* A text, good until the next batch; empty where it is null or the column is a number. */
CB_UNUSED static cb_str cb_read_text(const cb_batch *batch, int column, int64_t row) {
  const struct ArrowArray *array = batch->array.children[column];
  const struct ArrowSchema *schema = batch->schema.children[column];
  const int64_t at = array->offset + batch->array.offset + row;
  cb_str text = {"", 0};
  if (cb_is_null(batch, column, row)) return text;
  if (schema->dictionary) {
    const void *keys = array->buffers[1];
    int64_t key = 0;
    switch (cb_int_size(schema->format)) {
      case 1: key = ((const int8_t *)keys)[at]; break;
      case 2: key = ((const int16_t *)keys)[at]; break;
      case 4: key = ((const int32_t *)keys)[at]; break;
      default: key = ((const int64_t *)keys)[at];
    }
    return cb_text_at(array->dictionary, array->dictionary->offset + key);
  }
  return strcmp(schema->format, "u") == 0 ? cb_text_at(array, at) : text;
}

/* ---- the folder inside the library, and the entry -------------------------------------------------------------------------- */
/* Puts a file's bytes into the library: CB_FILE(metric, "metric.toml"). The path is seen from where the compiler runs. */
#define CB_FILE(name, path)                                                                          \
  __asm__(".pushsection .rodata\n"                                                                   \
          ".global cb_file_" #name "\n.hidden cb_file_" #name "\ncb_file_" #name ":\n.incbin \"" path "\"\n" \
          ".global cb_file_end_" #name "\n.hidden cb_file_end_" #name "\ncb_file_end_" #name ":\n.byte 0\n"  \
          ".popsection\n");                                                                          \
  extern const char cb_file_##name[] __attribute__((visibility("hidden")));                          \
  extern const char cb_file_end_##name[] __attribute__((visibility("hidden")))

typedef struct cb_carried {
  const char *path, *begin, *end;
} cb_carried;
#define CB_CARRIES(path, name) {path, cb_file_##name, cb_file_end_##name}

CB_UNUSED static cb_str cb_descriptor(const char *name, const char *version, const cb_carried *files, size_t count) {
  cb_out out = {0};
  cb_str text = {"", 0};
  size_t i;
  cb_add(&out, "{\"schema\":\"chenbao.descriptor/1\",\"name\":\"%s\",\"version\":\"%s\",\"files\":{", name, version);
  for (i = 0; i < count; i++) {
    cb_add(&out, "%s\"%s\":", i ? "," : "", files[i].path);
    cb_json(&out, files[i].begin, (size_t)(files[i].end - files[i].begin));
  }
  cb_add(&out, "}}");
  if (!out.failed) {
    text.ptr = out.text; /* kept until the process ends */
    text.len = out.len;
  }
  return text;
}

CB_UNUSED static cb_status cb_no_init(const cb_host *host, cb_error *error) {
  (void)host;
  (void)error;
  return CB_OK;
}
CB_UNUSED static const void *cb_no_extension(const char *id) {
  (void)id;
  return NULL;
}

/* Every declared input and output counts, whatever the params. */
CB_UNUSED static cb_status cb_describe_all(cb_str component_id, cb_str params_json, cb_buf *out, cb_error *error) {
  cb_out text = {0};
  (void)component_id;
  (void)params_json;
  cb_add(&text, "{}");
  return cb_give(out, &text, error);
}

/* The one symbol of a library with one metric. The rest of the arguments are its files. */
#define CB_METRIC(id_, version_, compute_, ...)                                                      \
  static const cb_metric_api cb_the_metric = {                                                       \
      .struct_size = sizeof(cb_metric_api), .describe = cb_describe_all, .compute = compute_, .get_extension = cb_no_extension};  \
  static const void *cb_the_api(const char *id) { return strcmp(id, CB_API_METRIC) ? NULL : &cb_the_metric; } \
  const cb_entry *chenbao_plugin_entry_v1(void) {                                                    \
    static const cb_carried files[] = {__VA_ARGS__};                                                 \
    static cb_entry entry = {.magic = CB_MAGIC,                                                      \
                             .struct_size = sizeof(cb_entry),                                        \
                             .abi_major = CB_ABI_MAJOR,                                              \
                             .abi_minor = CB_ABI_MINOR,                                              \
                             .build_json = {"{\"sdk\":\"none\",\"lang\":\"c\"}", sizeof "{\"sdk\":\"none\",\"lang\":\"c\"}" - 1}, \
                             .init = cb_no_init,                                                     \
                             .get_api = cb_the_api};                                                 \
    if (entry.descriptor_json.len == 0)                                                              \
      entry.descriptor_json = cb_descriptor(id_, version_, files, sizeof files / sizeof *files);     \
    return &entry;                                                                                   \
  }
#endif
