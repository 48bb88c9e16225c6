/* counter: the smallest source, in plain C11; every scan hands out three orders more, and remembers how many there were.
 *
 *   cc -std=gnu11 -O2 -fPIC -shared -fvisibility=hidden -I../../include counter.c -o libcounter.so
 *
 * It asks the host for a secret, for its state, which becomes durable together with the rows, and for a folder of its own.
 */
#include "chenbao_easy.h"

#include <inttypes.h>

CB_FILE(source, "source.toml");
CB_FILE(orders, "presets/counter-orders.toml");

enum { ROWS = 3, NUMBERS = 2, COLUMNS = 5 };
static const char *const NAMES[COLUMNS] = {"_export", "_row", "order", "paid at", "amount"};

struct cb_source {
  const cb_host *host;
  char day[11];   /* of the last scan; empty before */
  int64_t before; /* orders handed out before it */
};

/* ---- one batch of rows as Arrow: two columns of numbers, three of texts --------------------------------------------------- */
struct rows {
  int64_t numbers[NUMBERS][ROWS];
  int32_t ends[COLUMNS - NUMBERS][ROWS + 1];
  char texts[COLUMNS - NUMBERS][ROWS * 32];
  const void *buffers[COLUMNS][3];
  const void *own[1];
  struct ArrowArray columns[COLUMNS];
  struct ArrowArray *children[COLUMNS];
};

/* Of a column: its memory is the parent's, which goes when the parent is released. */
static void free_column(struct ArrowArray *self) { self->release = NULL; }

static void free_rows(struct ArrowArray *self) {
  int i;
  for (i = 0; i < COLUMNS; i++)
    if (self->children[i]->release) self->children[i]->release(self->children[i]);
  free(self->private_data);
  self->release = NULL;
}

static void put(struct rows *rows, int text, int row, const char *format, int64_t number) {
  const int32_t at = rows->ends[text][row];
  rows->ends[text][row + 1] = at + snprintf(rows->texts[text] + at, 32, format, number);
}

static int make_rows(const struct cb_source *self, struct ArrowArray *out) {
  struct rows *rows = calloc(1, sizeof *rows);
  int i, row;
  if (rows == NULL) return 0;
  for (row = 0; row < ROWS; row++) {
    const int32_t at = rows->ends[1][row];
    rows->numbers[0][row] = 1;
    rows->numbers[1][row] = row + 1;
    put(rows, 0, row, "C-%04" PRId64, self->before + row + 1);
    rows->ends[1][row + 1] = at + snprintf(rows->texts[1] + at, 32, "%sT10:00:00", self->day);
    put(rows, 2, row, "%" PRId64 ".50", self->before + row + 1);
  }
  for (i = 0; i < COLUMNS; i++) {
    const int number = i < NUMBERS;
    rows->buffers[i][1] = number ? (const void *)rows->numbers[i] : rows->ends[i - NUMBERS];
    if (!number) rows->buffers[i][2] = rows->texts[i - NUMBERS];
    rows->columns[i] = (struct ArrowArray){.length = ROWS, .n_buffers = number ? 2 : 3, .buffers = rows->buffers[i], .release = free_column};
    rows->children[i] = &rows->columns[i];
  }
  *out = (struct ArrowArray){.length = ROWS, .n_buffers = 1, .buffers = rows->own, .n_children = COLUMNS, .children = rows->children,
                             .release = free_rows, .private_data = rows};
  return 1;
}

struct columns {
  struct ArrowSchema columns[COLUMNS];
  struct ArrowSchema *children[COLUMNS];
};

static void free_column_schema(struct ArrowSchema *self) { self->release = NULL; }

static void free_schema(struct ArrowSchema *self) {
  int i;
  for (i = 0; i < COLUMNS; i++)
    if (self->children[i]->release) self->children[i]->release(self->children[i]);
  free(self->private_data);
  self->release = NULL;
}

static int get_schema(struct ArrowArrayStream *stream, struct ArrowSchema *out) {
  struct columns *all = calloc(1, sizeof *all);
  int i;
  (void)stream;
  if (all == NULL) return 12; /* ENOMEM */
  for (i = 0; i < COLUMNS; i++) {
    all->columns[i] = (struct ArrowSchema){.format = i < NUMBERS ? "l" : "u", .name = NAMES[i], .release = free_column_schema};
    all->children[i] = &all->columns[i];
  }
  *out = (struct ArrowSchema){.format = "+s", .name = "", .n_children = COLUMNS, .children = all->children, .release = free_schema, .private_data = all};
  return 0;
}

/* The stream knows its source until the batch is out: then private_data is NULL, and the next batch is the end. */
static int get_next(struct ArrowArrayStream *stream, struct ArrowArray *out) {
  memset(out, 0, sizeof *out);
  if (stream->private_data != NULL && !make_rows(stream->private_data, out)) return 12;
  stream->private_data = NULL;
  return 0;
}

static const char *last_error(struct ArrowArrayStream *stream) {
  (void)stream;
  return "out of memory";
}

static void free_stream(struct ArrowArrayStream *stream) { stream->release = NULL; }

/* ---- the source ------------------------------------------------------------------------------------------------------------ */
static cb_status open_source(const cb_host *host, cb_str component, cb_str options, cb_source **out, cb_error *error) {
  if (options.len < 2 || options.ptr[0] != '{' || options.ptr[options.len - 1] != '}')
    return cb_fail(error, CB_INVALID_CONFIG, "options are a table; this source has none");
  if (!cb_is(component, "counter")) return cb_fail(error, CB_NOT_FOUND, "this library has no such source");
  *out = calloc(1, sizeof **out);
  if (*out == NULL) return cb_fail(error, CB_INTERNAL, "out of memory");
  (*out)->host = host;
  return CB_OK;
}

static void close_source(cb_source *self) { free(self); }

/* The secret is asked for and forgotten: a real source would show it to its server. */
static cb_status authorized(const cb_source *self, cb_error *error) {
  const cb_secret_service *secrets = self->host->get_service(self->host->ctx, CB_SERVICE_SECRET);
  cb_buf pin = {0};
  cb_status status;
  if (secrets == NULL) return cb_fail(error, CB_NOT_SUPPORTED, "this host has no secrets");
  status = secrets->get(self->host->ctx, (cb_str){"pin", 3}, &pin, error);
  if (pin.release) pin.release(&pin);
  return status;
}

static cb_status check(cb_source *self, cb_buf *out, cb_error *error) {
  const cb_tempdir_service *folders = self->host->get_service(self->host->ctx, CB_SERVICE_TEMPDIR);
  cb_out text = {0};
  cb_buf folder = {0};
  cb_status status = authorized(self, error);
  if (status != CB_OK) return status;
  if (folders == NULL) return cb_fail(error, CB_NOT_SUPPORTED, "this host has no folder for us");
  status = folders->path(self->host->ctx, &folder, error);
  if (status == CB_OK) {
    cb_add(&text, "%.*s/probe", (int)folder.len, (const char *)folder.ptr);
    FILE *probe = text.failed ? NULL : fopen(text.text, "w");
    if (probe == NULL) status = cb_fail(error, CB_IO, "the folder cannot be written");
    else fclose(probe);
  }
  if (folder.release) folder.release(&folder);
  free(text.text);
  if (status != CB_OK) return status;
  memset(&text, 0, sizeof text);
  cb_add(&text, "{\"notes\":[\"the pin is known\"]}");
  return cb_give(out, &text, error);
}

static cb_status tables(cb_source *self, cb_buf *out, cb_error *error) {
  cb_out text = {0};
  (void)self;
  cb_add(&text, "{\"tables\":[{\"name\":\"ticks\",\"description\":\"One row per order.\",\"columns\":["
                "{\"name\":\"order\",\"type\":\"Utf8\"},{\"name\":\"paid at\",\"type\":\"Utf8\"},{\"name\":\"amount\",\"type\":\"Utf8\"}]}]}");
  return cb_give(out, &text, error);
}

/* The first day that is asked for; the request is JSON that the host wrote, so its shape is known. */
static void first_day(cb_str request, char day[11]) {
  static const char KEY[] = "\"start\":\"";
  size_t at;
  memcpy(day, "2026-11-21", 11);
  for (at = 0; at + sizeof KEY + 9 <= request.len; at++) {
    if (memcmp(request.ptr + at, KEY, sizeof KEY - 1) != 0) continue;
    memcpy(day, request.ptr + at + sizeof KEY - 1, 10);
    return;
  }
}

static cb_status scan(cb_source *self, cb_str request, struct ArrowArrayStream *out, cb_error *error) {
  const cb_state_service *state = self->host->get_service(self->host->ctx, CB_SERVICE_STATE);
  const cb_str key = {"orders", 6};
  char was[24] = "", now[24];
  cb_buf known = {0};
  cb_status status = authorized(self, error);
  if (status != CB_OK) return status;
  if (state == NULL) return cb_fail(error, CB_NOT_SUPPORTED, "this host keeps no state");
  status = state->get(self->host->ctx, key, &known, NULL);
  if (status == CB_OK && known.len < sizeof was) memcpy(was, known.ptr, known.len);
  if (known.release) known.release(&known);
  if (status != CB_OK && status != CB_NOT_FOUND) return cb_fail(error, status, "the state cannot be read");
  self->before = status == CB_OK ? strtoll(was, NULL, 10) : 0;
  first_day(request, self->day);
  snprintf(now, sizeof now, "%" PRId64, self->before + ROWS);
  /* Durable with the rows, or never: if they do not arrive, the next scan hands out the same orders. */
  status = state->swap(self->host->ctx, key, (cb_str){status == CB_OK ? was : NULL, strlen(was)}, (cb_str){now, strlen(now)},
                       CB_STATE_WITH_ROWS, error);
  if (status != CB_OK) return status;
  self->host->progress(self->host->ctx, ROWS, ROWS, (cb_str){"orders", 6});
  *out = (struct ArrowArrayStream){.get_schema = get_schema, .get_next = get_next, .get_last_error = last_error, .release = free_stream,
                                   .private_data = self};
  return CB_OK;
}

static cb_status facts(cb_source *self, cb_buf *out, cb_error *error) {
  cb_out text = {0};
  cb_add(&text, "{\"exports\":[{\"export\":1,\"name\":\"from %" PRId64 "\",\"exported_at\":\"%sT23:59:59Z\",\"covers\":[\"%s\",\"%s\"],"
                "\"provisional\":false,\"truncated\":false,\"rows\":%d,\"columns\":[\"order\",\"paid at\",\"amount\"]}],"
                "\"skipped\":[],\"warnings\":[],\"more\":false}",
         self->before + 1, self->day, self->day, self->day, (int)ROWS);
  return cb_give(out, &text, error);
}

static const void *no_extension(cb_source *self, const char *id) {
  (void)self;
  (void)id;
  return NULL;
}

static const cb_source_api API = {sizeof(cb_source_api), 0, open_source, check, tables, scan, facts, no_extension, close_source};

static const void *get_api(const char *id) { return strcmp(id, CB_API_SOURCE) == 0 ? &API : NULL; }

const cb_entry *chenbao_plugin_entry_v1(void) {
  static const cb_carried files[] = {CB_CARRIES("source.toml", source), CB_CARRIES("presets/counter-orders.toml", orders)};
  static cb_entry entry = {.magic = CB_MAGIC, .struct_size = sizeof(cb_entry), .abi_major = CB_ABI_MAJOR, .abi_minor = CB_ABI_MINOR,
                           .build_json = {"{\"lang\":\"c\"}", 12}, .init = cb_no_init, .get_api = get_api};
  if (entry.descriptor_json.len == 0) entry.descriptor_json = cb_descriptor("counter", "0.1.0", files, 2);
  return &entry;
}
