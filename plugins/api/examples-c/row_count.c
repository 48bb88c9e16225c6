/* row_count: the smallest metric, in plain C11; it counts the rows of its one input.
 *
 *   cc -std=c11 -O2 -fPIC -shared -fvisibility=hidden -I../include row_count.c -o librow_count.so
 */
#include "chenbao_plugin.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT(literal) {(literal), sizeof(literal) - 1}

static const char DESCRIPTOR[] =
    "{\"schema\":\"chenbao.descriptor/1\",\"name\":\"row-count\",\"version\":\"0.1.0\",\"files\":{"
    "\"metric.toml\":\"id = 'row_count'\\nkind = 'metric'\\nversion = '0.1.0'\\ntitle = 'Row count'\\n"
    "summary = 'How many order lines there are.'\\n[inputs.rows]\\ndescription = 'Order lines.'\\n"
    "tables = ['orders']\\nwindow = 'period'\\nsql = 'sql/rows.sql'\\n"
    "[outputs.rows]\\ntype = 'scalar'\\nunit = '1'\\n\","
    "\"sql/rows.sql\":\"select order_id from orders where day >= $start_day and day < $end_day\","
    "\"strings.zh-CN.toml\":\"[item]\\nrows = '行数'\\n\",\"strings.en.toml\":\"[item]\\nrows = 'Rows'\\n\"}}";

static void free_text(cb_buf *self) {
  free(self->private_data);
  memset(self, 0, sizeof *self);
}

static void free_error(cb_error *self) {
  free(self->private_data);
  self->private_data = NULL;
  self->release = NULL;
}

/* Fills the host's error, if it wants one, with a copy of the message. */
static cb_status fail(cb_error *error, cb_status code, const char *message) {
  char *copy;
  if (!CB_HAS(error, cb_error, private_data)) return code;
  error->code = code;
  copy = malloc(strlen(message) + 1);
  if (copy == NULL) return code;
  strcpy(copy, message);
  error->message.ptr = copy;
  error->message.len = strlen(copy);
  error->private_data = copy;
  error->release = free_error;
  return code;
}

/* Counts and releases the stream on every path. */
static cb_status count(const cb_host *host, struct ArrowArrayStream *stream, int64_t *rows, cb_error *error) {
  cb_status status = CB_OK;
  for (*rows = 0; status == CB_OK;) {
    struct ArrowArray batch;
    memset(&batch, 0, sizeof batch);
    if (host->is_cancelled(host->ctx)) {
      status = fail(error, CB_CANCELLED, "stopped as asked");
    } else if (stream->get_next(stream, &batch) != 0) {
      const char *why = stream->get_last_error(stream);
      status = fail(error, CB_DATA, why != NULL ? why : "the rows did not arrive");
    } else if (batch.release == NULL) {
      break; /* the end */
    } else {
      *rows += batch.length;
      batch.release(&batch);
    }
  }
  stream->release(stream);
  return status;
}

/* There are no params to choose by: an empty buffer means every declared input and output. */
static cb_status describe(cb_str component_id, cb_str params_json, cb_buf *out_json, cb_error *error) {
  (void)component_id;
  (void)params_json;
  (void)out_json;
  (void)error;
  return CB_OK;
}

static cb_status compute(const cb_host *host, const cb_compute_args *args, cb_output *out, cb_error *error) {
  static const char FORM[] =
      "{\"schema\":\"chenbao.result/1\",\"items\":[{\"type\":\"scalar\",\"id\":\"rows\",\"unit\":\"1\",\"value\":%" PRId64 "}]}";
  struct ArrowArrayStream stream;
  int64_t rows;
  cb_status status;
  char *json;
  if (args->n_inputs != 1) return fail(error, CB_INVALID_ARGUMENT, "row_count wants exactly one input");
  stream = *args->inputs[0].stream;
  args->inputs[0].stream->release = NULL; /* moved */
  status = count(host, &stream, &rows, error);
  if (status != CB_OK) return status;
  json = malloc(sizeof FORM + 32);
  if (json == NULL) return fail(error, CB_INTERNAL, "out of memory");
  snprintf(json, sizeof FORM + 32, FORM, rows);
  out->result_json.ptr = (const uint8_t *)json;
  out->result_json.len = strlen(json);
  out->result_json.private_data = json;
  out->result_json.release = free_text;
  return CB_OK;
}

static const void *no_extension(const char *id) {
  (void)id;
  return NULL;
}

static const cb_metric_api METRIC = {sizeof(cb_metric_api), 0, describe, compute, no_extension};

static cb_status init(const cb_host *host, cb_error *error) {
  (void)host;
  (void)error;
  return CB_OK;
}

static const void *get_api(const char *id) { return strcmp(id, CB_API_METRIC) == 0 ? &METRIC : NULL; }

static const cb_entry ENTRY = {
    CB_MAGIC, sizeof(cb_entry), CB_ABI_MAJOR, CB_ABI_MINOR, 0,    0, 0, TEXT(DESCRIPTOR),
    TEXT("{\"sdk\":\"none\",\"lang\":\"c11\"}"), init, get_api,
};

CB_EXPORT const cb_entry *chenbao_plugin_entry_v1(void) { return &ENTRY; }
