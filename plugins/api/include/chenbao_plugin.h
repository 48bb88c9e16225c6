/* chenbao_plugin.h - the contract between Chenbao and a plugin, major 1, minor 0. Frozen: within major 1 only R5 changes it.
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
 *  R5  Within a major, fields, slots, status codes and flags are only appended. A slot that retires stays and answers
 *      CB_NOT_SUPPORTED; a slot is never NULL. An unknown status is CB_INTERNAL, an unknown flag and an unknown JSON key is
 *      ignored.
 *  R6  A library is never unloaded. The process ends by _exit when its work is done.
 *  R7  The process belongs to the host: no signal handlers, no other processes, no chdir, setenv, setlocale, limits,
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
/* Registered drafts: the ids are kept for these kinds, their tables are not part of 1.0 and no host asks for them. */
#define CB_API_CHANNEL "chenbao.channel/1" /* delivers finished artifacts to a place of its own */
#define CB_API_QUERY "chenbao.query/1"     /* a source that runs a metric's SQL where the rows lie */
/* Services of the host, for get_service(). */
#define CB_SERVICE_SECRET "chenbao.secret/1"
#define CB_SERVICE_STATE "chenbao.state/1"
#define CB_SERVICE_TEMPDIR "chenbao.tempdir/1"

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
#define CB_CONFLICT 12         /* what was to be replaced is no longer what the caller knew: read again */
#define CB_DENIED 13           /* the system refused a file, a connection or a process: this plugin is not given it */

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
  /* [call] How far, for the run's log: done of total, total <= 0 if unknown; note may be empty. */
  void (*progress)(void *ctx, double done, double total, cb_str note);
  /* [any] A service table by id (cstr), owned by the host until the process ends. NULL: this host has none such. */
  const void *(*get_service)(void *ctx, const char *id);
} cb_host;

/* The services below are tables of the host, each with ctx = cb_host.ctx as first argument. Their calls may wait for the
 * host's ledger; out structs are not NULL and zeroed by the caller, err may be NULL. Texts and bytes handed in are
 * borrowed for the call. What a metric is not given (R8) answers CB_NOT_SUPPORTED. */

/* Service CB_SERVICE_SECRET: the secrets that the configuration names for this source, and no others. */
typedef struct cb_secret_service {
  uint32_t struct_size;
  uint32_t reserved0;
  /* [call] On CB_OK out holds the secret of that name (the caller releases); else CB_NOT_FOUND. Never log it. */
  cb_status (*get)(void *ctx, cb_str name, cb_buf *out, cb_error *err);
  /* [call] Puts `now` in the place of `was`, for tokens that rotate: durable when it returns CB_OK. CB_CONFLICT: the secret
   * is no longer `was`. CB_NOT_SUPPORTED: it stands where Chenbao cannot write, such as an environment variable. */
  cb_status (*replace)(void *ctx, cb_str name, cb_str was, cb_str now, cb_error *err);
} cb_secret_service;

#define CB_STATE_WITH_ROWS 1u  /* durable together with the rows of the running scan, or not at all */

/* Service CB_SERVICE_STATE: small durable values of this source, such as the cursor up to which it has read. A key is 1 to
 * 64 of a-z 0-9 . _ -, a value at most 65536 bytes of UTF-8. All nodes of an installation see the same values. */
typedef struct cb_state_service {
  uint32_t struct_size;
  uint32_t reserved0;
  /* [call] On CB_OK out holds the value (the caller releases), the one of a running scan's CB_STATE_WITH_ROWS if there is
   * one; CB_NOT_FOUND: there is none. */
  cb_status (*get)(void *ctx, cb_str key, cb_buf *out, cb_error *err);
  /* [call] Compare and set: `now` takes the place of `was`; was.ptr == NULL: there was none. CB_CONFLICT: it is another.
   * Without flags it is durable when CB_OK returns. With CB_STATE_WITH_ROWS it is kept aside until the rows that the running
   * scan handed out are in the lake; if the scan fails, or the process or the host dies, it never was. */
  cb_status (*swap)(void *ctx, cb_str key, cb_str was, cb_str now, uint32_t flags, cb_error *err);
} cb_state_service;

/* Service CB_SERVICE_TEMPDIR, for sources and metrics. */
typedef struct cb_tempdir_service {
  uint32_t struct_size;
  uint32_t reserved0;
  /* [any] The absolute path of a folder that belongs to this process and goes when it ends (the caller releases). */
  cb_status (*path)(void *ctx, cb_buf *out, cb_error *err);
} cb_tempdir_service;

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
   *  "skipped":[{"name","why"}],"warnings":[..],"more":bool}. more: the host makes these rows durable and scans again for the
   * rest, so that a long download that dies goes on where it was. */
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
  cb_str context_json;         /* {"run_id","as_of","report","edition","seed","currency","shops","campaigns","campaign",
                                * "edition_age_days"}; schema/shapes-1.json shows it and every other text in full */
  const cb_input *inputs;      /* NULL if n_inputs is 0 */
} cb_compute_args;

/* A table too large for the document: the item of that id has {"arrow": name} instead of rows. The columns of the stream are
 * those of the item, by name and in order. The host moves the stream out as the plugin does with inputs. */
typedef struct cb_table_out {
  cb_str name;                 /* the plugin's memory until release() */
  struct ArrowArrayStream stream;
} cb_table_out;

/* The caller zeroes it and sets struct_size; the callee fills it. */
typedef struct cb_output {
  uint32_t struct_size;
  uint32_t n_tables;
  cb_buf result_json;          /* a result document, chenbao.result/1; at most 8 MiB; the caller releases */
  cb_table_out *tables;        /* NULL if n_tables is 0; the plugin's memory */
  /* [call] Frees tables and every stream that was not moved out, not result_json; the caller calls it once, after it has read
   * all streams. NULL: nothing to free. */
  void (*release)(struct cb_output *self);
  void *private_data;
} cb_output;

typedef struct cb_metric_api {
  uint32_t struct_size;
  uint32_t reserved0;
  /* [any] With these params, which inputs and outputs? params_json agrees with the declared params, defaults filled in; params
   * that make no sense together are refused here with CB_INVALID_CONFIG, before a row is read. No rows, no files, no waiting.
   * out_json (not NULL, the caller releases): {"inputs":["name",..],"outputs":["id",..]}; an input that is left out is not
   * queried, an output that is left out not expected; a list that is left out, or an empty buffer, means all declared. */
  cb_status (*describe)(cb_str component_id, cb_str params_json, cb_buf *out_json, cb_error *err);
  /* [any] One answer. The plugin releases every input stream before it returns, on every path. host, args, out are
   * not NULL, err may be; args and what it points to is borrowed for the call. The host reads the streams of out->tables
   * [serial] before it makes the next call. */
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
