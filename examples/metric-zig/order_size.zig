//! 客单价分布: how large an order is, as the order in the middle and the tenth from the top say it; no outlier moves them.
//!
//! A metric in Zig, which sees nothing of Chenbao but the C header: what any language needs that can make a shared library.

const std = @import("std");
const c = @cImport(@cInclude("chenbao_plugin.h"));

const memory = std.heap.c_allocator;

/// Amounts of money in the smallest unit that the column has: `digits` behind the point.
const Amounts = struct {
    list: std.ArrayList(i128),
    digits: u32 = 0,
};

/// A status of the contract with its sentence for the user.
const Wrong = struct { status: c.cb_status, sentence: []const u8 };

/// Everything of one call; what it holds is freed with it.
const Call = struct {
    host: *const c.cb_host,
    arena: std.mem.Allocator,
    wrong: Wrong = .{ .status = c.CB_INTERNAL, .sentence = "out of memory" },

    fn refuse(call: *Call, status: c.cb_status, sentence: []const u8) error{Refused} {
        // The sentence may lie in a stream that is about to be released.
        call.wrong = .{ .status = status, .sentence = call.arena.dupe(u8, sentence) catch "out of memory" };
        return error.Refused;
    }

    /// All amounts of the one input. The stream is ours from here on, and released on every path.
    fn read(call: *Call, input: c.cb_input) !Amounts {
        var stream = input.stream.*;
        input.stream.*.release = null;
        defer stream.release.?(&stream);
        var schema = std.mem.zeroes(c.ArrowSchema);
        if (stream.get_schema.?(&stream, &schema) != 0) return call.refuse(c.CB_DATA, lastError(&stream));
        defer schema.release.?(&schema);
        var amounts = Amounts{ .list = std.ArrayList(i128).init(call.arena) };
        const at = try call.column(&schema, &amounts);
        while (true) {
            if (call.host.is_cancelled.?(call.host.ctx) != 0) return call.refuse(c.CB_CANCELLED, "stopped as asked");
            var batch = std.mem.zeroes(c.ArrowArray);
            if (stream.get_next.?(&stream, &batch) != 0) return call.refuse(c.CB_DATA, lastError(&stream));
            const release = batch.release orelse return amounts;
            defer release(&batch);
            try add(&amounts, &batch, at);
        }
    }

    /// Where the column `amount` stands; it has to be a decimal.
    fn column(call: *Call, schema: *const c.ArrowSchema, amounts: *Amounts) !usize {
        for (0..@intCast(schema.n_children)) |at| {
            const child = schema.children[at].*;
            if (!std.mem.eql(u8, std.mem.span(child.name), "amount")) continue;
            // "d:38,2" is 38 digits, two of them behind the point.
            var parts = std.mem.splitAny(u8, std.mem.span(child.format), ":,");
            if (!std.mem.eql(u8, parts.first(), "d")) break;
            _ = parts.next();
            amounts.digits = std.fmt.parseInt(u32, parts.next() orelse "", 10) catch break;
            return at;
        }
        return call.refuse(c.CB_DATA, "the SQL gives no decimal column `amount`");
    }
};

fn lastError(stream: *c.ArrowArrayStream) []const u8 {
    const why = stream.get_last_error.?(stream);
    return if (why == null) "the rows could not be read" else std.mem.span(why);
}

fn add(amounts: *Amounts, batch: *const c.ArrowArray, at: usize) !void {
    const array = batch.children[at].*;
    const valid: ?[*]const u8 = @ptrCast(array.buffers[0]);
    const values: [*]const u8 = @ptrCast(array.buffers[1] orelse return);
    for (0..@intCast(batch.length)) |row| {
        // A slice begins somewhere: the parent's offset and the column's own count.
        const place = row + @as(usize, @intCast(array.offset + batch.offset));
        if (valid) |bits| if (bits[place / 8] >> @intCast(place % 8) & 1 == 0) continue;
        try amounts.list.append(std.mem.readInt(i128, values[place * 16 ..][0..16], .little));
    }
}

/// The amount that `per_cent` of the orders do not exceed: one that was paid, not one between two.
fn rank(sorted: []const i128, per_cent: usize) i128 {
    return sorted[(sorted.len * per_cent + 99) / 100 - 1];
}

/// `12345` with two digits is `123.45`, exactly.
fn decimal(writer: anytype, value: i128, digits: u32) !void {
    const unit = std.math.powi(u128, 10, digits) catch return error.OutOfMemory;
    const size = @abs(value);
    try writer.print("{{\"$dec\":\"{s}{d}", .{ if (value < 0) "-" else "", size / unit });
    if (digits > 0) {
        try writer.writeByte('.');
        try std.fmt.formatInt(size % unit, 10, .lower, .{ .width = digits, .fill = '0' }, writer);
    }
    try writer.writeAll("\"}");
}

fn scalar(writer: anytype, id: []const u8, value: ?i128, digits: u32) !void {
    try writer.print("{{\"type\":\"scalar\",\"id\":\"{s}\",\"unit\":\"money\",\"value\":", .{id});
    if (value) |amount| try decimal(writer, amount, digits) else try writer.writeAll("null,\"missing\":{\"why\":\"no_rows\"}");
    try writer.writeAll("},");
}

fn answer(out: *std.ArrayList(u8), amounts: *const Amounts) !void {
    const writer = out.writer();
    const sorted = amounts.list.items;
    std.mem.sort(i128, sorted, {}, std.sort.asc(i128));
    const some = sorted.len > 0;
    const median: ?i128 = if (some) rank(sorted, 50) else null;
    const large: ?i128 = if (some) rank(sorted, 90) else null;
    try writer.writeAll("{\"schema\":\"chenbao.result/1\",\"items\":[");
    try scalar(writer, "median_amount", median, amounts.digits);
    try scalar(writer, "large_amount", large, amounts.digits);
    try writer.print("{{\"type\":\"scalar\",\"id\":\"orders\",\"unit\":\"{{order}}\",\"value\":{d}}}", .{sorted.len});
    // Said only where the top tenth lives in another world than the middle, of enough orders to say so.
    if (sorted.len >= 10 and median.? > 0 and large.? >= 3 * median.?) {
        try writer.writeAll(",{\"type\":\"finding\",\"id\":\"long_tail\",\"kind\":\"long_tail\",\"severity\":\"info\",\"args\":{\"large\":{\"unit\":\"money\",\"value\":");
        try decimal(writer, large.?, amounts.digits);
        try writer.writeAll("},\"median\":{\"unit\":\"money\",\"value\":");
        try decimal(writer, median.?, amounts.digits);
        try writer.writeAll("}}}");
    }
    try writer.writeAll("]}");
}

// ---- the contract --------------------------------------------------------------------------------------------------------

fn text(bytes: []const u8) c.cb_str {
    return .{ .ptr = bytes.ptr, .len = bytes.len };
}

fn freeAnswer(self: [*c]c.cb_buf) callconv(.c) void {
    memory.free(self.*.ptr[0..self.*.len]);
    self.* = std.mem.zeroes(c.cb_buf);
}

fn freeError(self: [*c]c.cb_error) callconv(.c) void {
    memory.free(self.*.message.ptr[0..self.*.message.len]);
    self.*.release = null;
}

fn fail(out: [*c]c.cb_error, wrong: Wrong) c.cb_status {
    // A caller that does not want to know passes none.
    if (out != null and out.*.struct_size >= @sizeOf(c.cb_error)) {
        out.*.code = wrong.status;
        if (memory.dupe(u8, wrong.sentence)) |sentence| {
            out.*.message = text(sentence);
            out.*.release = freeError;
        } else |_| {}
    }
    return wrong.status;
}

/// An empty buffer: every declared input and output counts.
fn describe(_: c.cb_str, _: c.cb_str, _: [*c]c.cb_buf, _: [*c]c.cb_error) callconv(.c) c.cb_status {
    return c.CB_OK;
}

fn compute(host: [*c]const c.cb_host, args: [*c]const c.cb_compute_args, out: [*c]c.cb_output, err: [*c]c.cb_error) callconv(.c) c.cb_status {
    var arena = std.heap.ArenaAllocator.init(memory);
    defer arena.deinit();
    var call = Call{ .host = host, .arena = arena.allocator() };
    const given = answered(&call, args) catch return fail(err, call.wrong);
    out.*.result_json = .{ .ptr = given.ptr, .len = given.len, .release = freeAnswer, .private_data = null };
    return c.CB_OK;
}

fn answered(call: *Call, args: *const c.cb_compute_args) ![]const u8 {
    const ours = std.mem.eql(u8, args.component_id.ptr[0..args.component_id.len], "order_size");
    if (!ours or args.n_inputs != 1) {
        for (0..args.n_inputs) |at| if (args.inputs[at].stream.*.release) |release| release(args.inputs[at].stream);
        return if (ours) call.refuse(c.CB_DATA, "one input, `orders`, is expected") else call.refuse(c.CB_NOT_FOUND, "this library has no such metric");
    }
    const amounts = try call.read(args.inputs[0]);
    // Not of the arena: it is the host's until it calls `release`.
    var out = std.ArrayList(u8).init(memory);
    errdefer out.deinit();
    try answer(&out, &amounts);
    return out.toOwnedSlice();
}

fn init(_: [*c]const c.cb_host, _: [*c]c.cb_error) callconv(.c) c.cb_status {
    return c.CB_OK;
}

fn noExtension(_: [*c]const u8) callconv(.c) ?*const anyopaque {
    return null;
}

fn getApi(id: [*c]const u8) callconv(.c) ?*const anyopaque {
    return if (std.mem.eql(u8, std.mem.span(id), c.CB_API_METRIC)) @ptrCast(&metric) else null;
}

const metric = c.cb_metric_api{
    .struct_size = @sizeOf(c.cb_metric_api),
    .reserved0 = 0,
    .describe = describe,
    .compute = compute,
    .get_extension = noExtension,
};

/// The folder travels in the library as JSON, made by the compiler.
const descriptor = blk: {
    @setEvalBranchQuota(200_000);
    var json: []const u8 = "{\"schema\":\"chenbao.descriptor/1\",\"name\":\"order_size\",\"version\":\"0.1.0\",\"files\":{";
    for (.{ "metric.toml", "sql/orders.sql", "strings.zh-CN.toml", "strings.en.toml" }, 0..) |path, n| {
        json = json ++ (if (n > 0) "," else "") ++ "\"" ++ path ++ "\":\"" ++ escaped(@embedFile(path)) ++ "\"";
    }
    break :blk json ++ "}}";
};

fn escaped(comptime bytes: []const u8) []const u8 {
    var out: [bytes.len * 2]u8 = undefined;
    var len: usize = 0;
    for (bytes) |byte| {
        const name: ?u8 = switch (byte) {
            '"', '\\' => byte,
            '\n' => 'n',
            '\t' => 't',
            else => null,
        };
        if (name) |letter| {
            out[len] = '\\';
            out[len + 1] = letter;
            len += 2;
        } else {
            out[len] = byte;
            len += 1;
        }
    }
    const final = out[0..len].*;
    return &final;
}

const entry = c.cb_entry{
    .magic = c.CB_MAGIC,
    .struct_size = @sizeOf(c.cb_entry),
    .abi_major = c.CB_ABI_MAJOR,
    .abi_minor = c.CB_ABI_MINOR,
    .descriptor_json = text(descriptor),
    .build_json = text("{\"sdk\":\"none\",\"lang\":\"zig\"}"),
    .init = init,
    .get_api = getApi,
};

export fn chenbao_plugin_entry_v1() *const c.cb_entry {
    return &entry;
}
