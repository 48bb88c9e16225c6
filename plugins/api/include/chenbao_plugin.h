/* chenbao_plugin.h - the contract between Chenbao and a plugin, major 1 (draft until 1.0 is announced).
 *
 * A plugin is one shared library that exports one symbol, chenbao_plugin_entry_v1. Everything else is reached through
 * tables of function pointers; small and meaningful things travel as JSON, rows as Arrow C streams. C11 and C++17.
 *
 * Rules for every function in this file
 *  R1  Nothing unwinds. No exception, panic, longjmp or exit() crosses the boundary.
 *  R2  Who made a piece of memory frees it, through the release callback that stands beside it. Nobody calls free() on
 *      the other side's pointer.
 *  R3  Text is UTF-8 with a length and no terminator, except arguments called "cstr". A cb_str argument is borrowed:
 *      it ends with the call, copy what you keep.
 *  R4  A struct that may grow begins with struct_size: the side that fills it writes the sizeof() of its own header,
 *      the side that reads it asks CB_HAS before it touches a field.
 *  R5  Within a major, fields and slots are only appended. A slot that retires stays and answers CB_NOT_SUPPORTED; a
 *      slot is never NULL.
 *  R6  A library is never unloaded. The process ends by _exit when its work is done.
 *  R7  The process belongs to the host: no signal handlers, no fork without exec, no chdir, setenv, setlocale, limits,
 *      no writing to file descriptor 1, no thread that outlives the call (of a source: its close()).
 *  R8  The same arguments and rows give the same answer: clock, seed and currency come in the arguments.
 *
 * Threads: [any] from every thread, at the same time too. [serial] calls on one instance never overlap, but may come
 * from different threads. [call] only while one of the plugin's own calls is running.
 */
#ifndef CHENBAO_PLUGIN_H
#define CHENBAO_PLUGIN_H
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(_WIN32)
#define CB_EXPORT __declspec(dllexport)
#else
#define CB_EXPORT __attribute__((visibility("default")))
#endif

#define CB_ABI_MAJOR 1u
#define CB_ABI_MINOR 0u
#define CB_MAGIC UINT64_C(0x0A1A0A0D42434389) /* the bytes 89 'C' 'C' 'B' 0D 0A 1A 0A on a little-endian machine */
#define CB_ENTRY_SYMBOL "chenbao_plugin_entry_v1"
#define CB_API_SOURCE "chenbao.source/1"
#define CB_API_METRIC "chenbao.metric/1"
/* Ids kept for later kinds: "chenbao.channel/1" (delivery), "chenbao.query/1" (a source that runs SQL itself). */
#define CB_SERVICE_SECRET "chenbao.secret/1"

/* Was `field` there when the other side compiled its header? p may be NULL. */
#define CB_HAS(p, type, field) \
  ((p) != NULL && (size_t)(p)->struct_size >= offsetof(type, field) + sizeof(((type *)0)->field))

/* ---- Arrow C data and stream interface, as published, under the published guards ---------------------------------- */
#ifndef ARROW_C_DATA_INTERFACE
#define ARROW_C_DATA_INTERFACE
#define ARROW_FLAG_DICTIONARY_ORDERED 1
#define ARROW_FLAG_NULLABLE 2
#define ARROW_FLAG_MAP_KEYS_SORTED 4
struct ArrowSchema {
  const char *format;
  const char *name;
  const char *metadata;
  int64_t flags;
  int64_t n_children;
  struct ArrowSchema **children;
  struct ArrowSchema *dictionary;
  void (*release)(struct ArrowSchema *);
  void *private_data;
};
struct ArrowArray {
  int64_t length;
  int64_t null_count;
  int64_t offset;
  int64_t n_buffers;
  int64_t n_children;
  const void **buffers;
  struct ArrowArray **children;
  struct ArrowArray *dictionary;
  void (*release)(struct ArrowArray *);
  void *private_data;
};
#endif
#ifndef ARROW_C_STREAM_INTERFACE
#define ARROW_C_STREAM_INTERFACE
struct ArrowArrayStream {
  int (*get_schema)(struct ArrowArrayStream *, struct ArrowSchema *out);
  int (*get_next)(struct ArrowArrayStream *, struct ArrowArray *out);
  const char *(*get_last_error)(struct ArrowArrayStream *);
  void (*release)(struct ArrowArrayStream *);
  void *private_data;
};
#endif

/* ---- values --------------------------------------------------------------------------------------------------------- */
/* Borrowed text. ptr may be NULL only if len is 0. */
typedef struct cb_str {
  const char *ptr;
  size_t len;
} cb_str;

/* Owned bytes, made by the callee. The caller passes it zeroed and calls release (unless NULL) once, when done; the
 * struct may be moved by plain copy before that. release == NULL: nothing is owned. */
typedef struct cb_buf {
  const uint8_t *ptr;
  size_t len;
  void (*release)(struct cb_buf *self); /* [any] */
  void *private_data;
} cb_buf;

typedef int32_t cb_status;     /* int32_t, because the width of an enum is the compiler's choice */
#define CB_OK 0
#define CB_INVALID_ARGUMENT 1  /* the host broke this contract */
#define CB_INVALID_CONFIG 2    /* options or params refused; the message is for the user */
#define CB_NOT_FOUND 3         /* no such component, table, column, secret */
#define CB_NOT_SUPPORTED 4
#define CB_DATA 5              /* the rows are not what the plugin needs */
#define CB_IO 6                /* disk, network, a remote service */
#define CB_AUTH 7              /* refused credentials */
#define CB_RATE_LIMITED 8      /* see retry_after_ms */
#define CB_CANCELLED 9         /* is_cancelled() said yes and the plugin stopped */
#define CB_INTERNAL 10         /* a mistake that the plugin noticed in itself */
#define CB_PANIC 11            /* a panic was caught; the process is not to be used again */

#define CB_ERR_RETRYABLE 1u    /* the same call may work later */

/* The caller zeroes it and sets struct_size; NULL: the caller does not want to know. The callee may fill it when it
 * does not return CB_OK. What it holds is the callee's: copy it, then call release (unless NULL) at once. */
typedef struct cb_error {
  uint32_t struct_size;
  uint32_t flags;              /* CB_ERR_* */
  cb_status code;
  int32_t reserved0;
  int64_t retry_after_ms;      /* 0: no advice */
  cb_str message;              /* one sentence for a person */
  cb_str details_json;         /* empty, or a JSON object for machines */
  void (*release)(struct cb_error *self); /* [any] */
  void *private_data;
} cb_error;

/* ---- what the host offers --------------------------------------------------------------------------------------------- */
#define CB_LOG_TRACE 0
#define CB_LOG_DEBUG 1
#define CB_LOG_INFO 2
#define CB_LOG_WARN 3
#define CB_LOG_ERROR 4

/* Filled and owned by the host; lives until the process ends, so a plugin may keep the pointer. */
typedef struct cb_host {
  uint32_t struct_size;
  uint16_t abi_major;
  uint16_t abi_minor;
  void *ctx;                   /* the host's; goes back as the first argument; may be NULL */
  /* [any] One line for the run's log. message is borrowed by the host for the call. Never fails. */
  void (*log)(void *ctx, int32_t level, cb_str message);
  /* [any] Not 0: return CB_CANCELLED soon; ask once per batch. After a grace time the process is killed. */
  int32_t (*is_cancelled)(void *ctx);
  /* [call] How far: done of total, total <= 0 if unknown; note may be empty. */
  void (*progress)(void *ctx, double done, double total, cb_str note);
  /* [any] A service table by id (cstr), owned by the host until the process ends. NULL: this host has none such. */
  const void *(*get_service)(void *ctx, const char *id);
} cb_host;

/* Service CB_SERVICE_SECRET, for sources only. */
typedef struct cb_secret_service {
  uint32_t struct_size;
  uint32_t reserved0;
  /* [any] The secret of that name as configured for this source. On CB_OK out holds it (owned by the caller until it
   * calls release); else CB_NOT_FOUND. ctx is the host's. out is not NULL, err may be. Never write it to a log. */
  cb_status (*get)(void *ctx, cb_str name, cb_buf *out, cb_error *err);
} cb_secret_service;

/* ---- kind "source" ------------------------------------------------------------------------------------------------------ */
typedef struct cb_source cb_source; /* opaque, the plugin's */

typedef struct cb_source_api {
  uint32_t struct_size;
  uint32_t reserved0;
  /* [any] Makes an instance from options_json, which already agrees with the declared options, defaults filled in.
   * No network and no reading of files: a wrong option and a dead server stay different errors. On CB_OK *out is the
   * plugin's until close(); on failure *out stays NULL. host outlives the instance; host, out not NULL, err may be. */
  cb_status (*open)(const cb_host *host, cb_str component_id, cb_str options_json, cb_source **out, cb_error *err);
  /* [serial] Proves that the source can be reached. out_json (not NULL, the caller releases): {"notes":["..."]}. */
  cb_status (*check)(cb_source *self, cb_buf *out_json, cb_error *err);
  /* [serial] out_json (not NULL, the caller releases): {"tables":[{"name","description","columns":[..]}]}. */
  cb_status (*tables)(cb_source *self, cb_buf *out_json, cb_error *err);
  /* [serial] Starts a scan of one table. request_json: {"table","period":{"start","end"}|null,"known":[..],"zone"}.
   * More rows than asked for are right, fewer are a mistake. On CB_OK the host owns *out (not NULL) and calls it
   * [serial]; it is released before the next call on this instance. Arrays already taken live on, as Arrow says. */
  cb_status (*scan)(cb_source *self, cb_str request_json, struct ArrowArrayStream *out, cb_error *err);
  /* [serial] What the last scan read. Called once, after its stream ended and was released. If the stream ended with
   * an error, this answers with that error, code and all. out_json (not NULL, the caller releases):
   * {"exports":[{"export","name","digest","exported_at","covers","provisional","truncated","rows","columns"}],
   *  "skipped":[{"name","why"}],"warnings":[..]}. */
  cb_status (*facts)(cb_source *self, cb_buf *out_json, cb_error *err);
  /* [any] Reserved door. id is a cstr. Static memory; NULL: not there. */
  const void *(*get_extension)(cb_source *self, const char *id);
  /* [serial] Ends the instance; exactly once for each successful open(). self is invalid afterwards. */
  void (*close)(cb_source *self);
} cb_source_api;

/* ---- kind "metric" ------------------------------------------------------------------------------------------------------ */
/* One result set. The plugin moves *stream out (copies the struct, sets release to NULL in the original). */
typedef struct cb_input {
  cb_str name;                 /* as declared in metric.toml */
  struct ArrowArrayStream *stream; /* not NULL; the host's memory, the plugin's contents */
} cb_input;

typedef struct cb_compute_args {
  uint32_t struct_size;
  uint32_t n_inputs;           /* absent optional inputs are not in the list */
  cb_str component_id;
  cb_str params_json;          /* agrees with the declared params, defaults filled in */
  cb_str period_json;          /* {"start","end","prev_start","prev_end","grain","tz"}: civil days, end exclusive */
  cb_str context_json;         /* {"run_id","as_of","report","edition","seed","currency","shops",..} */
  const cb_input *inputs;      /* NULL if n_inputs is 0 */
} cb_compute_args;

/* The caller zeroes it and sets struct_size; the callee fills it. */
typedef struct cb_output {
  uint32_t struct_size;
  uint32_t reserved0;
  cb_buf result_json;          /* a result document, chenbao.result/1; at most 8 MiB; the caller releases */
} cb_output;

typedef struct cb_metric_api {
  uint32_t struct_size;
  uint32_t reserved0;
  /* [any] One answer. The plugin releases every input stream before it returns, on every path. host, args, out are
   * not NULL, err may be; args and what it points to is borrowed for the call. */
  cb_status (*compute)(const cb_host *host, const cb_compute_args *args, cb_output *out, cb_error *err);
  /* [any] Reserved door. id is a cstr. Static memory; NULL: not there. */
  const void *(*get_extension)(const char *id);
} cb_metric_api;

/* ---- the one symbol ------------------------------------------------------------------------------------------------------- */
/* Static memory of the plugin, valid until the process ends. */
typedef struct cb_entry {
  uint64_t magic;              /* CB_MAGIC: a symbol of this name by chance is not believed */
  uint32_t struct_size;
  uint16_t abi_major;          /* CB_ABI_MAJOR of its header; must equal the host's */
  uint16_t abi_minor;          /* CB_ABI_MINOR of its header */
  uint16_t min_host_minor;     /* hosts with a lower minor are refused */
  uint16_t reserved0;
  uint32_t reserved1;
  cb_str descriptor_json;      /* chenbao.descriptor/1: {"schema","name","version","files":{..}}; readable before init() */
  cb_str build_json;           /* {"sdk","lang",..}: for messages, never for decisions; may be empty */
  /* [call: once, alone, before everything below] Fast; no network, no threads. host is not NULL, err may be. */
  cb_status (*init)(const cb_host *host, cb_error *err);
  /* [any] The table of a kind by id (cstr): CB_API_SOURCE, CB_API_METRIC, or an id of your own. Static memory; NULL:
   * this library has no component of that kind. */
  const void *(*get_api)(const char *id);
} cb_entry;

/* [any] Hands out the entry and does nothing else: looking at a plugin is not yet running it. Never NULL. */
typedef const cb_entry *(*cb_plugin_entry_fn)(void);
CB_EXPORT const cb_entry *chenbao_plugin_entry_v1(void);

#ifdef __cplusplus
}
#endif
#endif /* CHENBAO_PLUGIN_H */
