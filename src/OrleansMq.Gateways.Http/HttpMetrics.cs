using System.Collections.Concurrent;
using System.Globalization;

namespace OrleansMq.Gateways.Http;

/// <summary>What the gateway counts, as Prometheus text. Labels come from the table of routes, never from a request.</summary>
internal sealed class HttpMetrics
{
    // Seconds; from a page-cache append to the longest wait.
    private static readonly double[] Buckets = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

    private readonly ConcurrentDictionary<string, CallFigures> _calls = new();

    public void Count(string call, int status, TimeSpan took, long messages, long bytesIn, long bytesOut) =>
        _calls.GetOrAdd(call, static _ => new CallFigures()).Count(status, took, messages, bytesIn, bytesOut);

    public void Write(TextWriter to)
    {
        var calls = _calls.OrderBy(each => each.Key, StringComparer.Ordinal).ToList();
        Head(to, "orleansmq_http_requests_total", "counter", "Requests answered, by call and status; 499 where the client had gone.");
        foreach (var (call, figures) in calls)
            foreach (var (status, count) in figures.Statuses.OrderBy(each => each.Key))
                Line(to, "orleansmq_http_requests_total", $"call=\"{call}\",status=\"{status}\"", count);
        Totals(to, calls, "orleansmq_http_messages_total", "Messages sent or received by clients.", figures => figures.Messages);
        Totals(to, calls, "orleansmq_http_request_bytes_total", "Bytes of bodies that came in.", figures => figures.BytesIn);
        Totals(to, calls, "orleansmq_http_response_bytes_total", "Bytes of bodies that went out.", figures => figures.BytesOut);
        Head(to, "orleansmq_http_request_duration_seconds", "histogram", "From the headers to the end of the answer, waits included.");
        foreach (var (call, figures) in calls)
            figures.WriteDurations(to, call);
    }

    private static void Totals(TextWriter to, List<KeyValuePair<string, CallFigures>> calls, string name, string help, Func<CallFigures, long> of)
    {
        Head(to, name, "counter", help);
        foreach (var (call, figures) in calls)
            Line(to, name, $"call=\"{call}\"", of(figures));
    }

    private static void Head(TextWriter to, string name, string type, string help)
    {
        to.Write($"# HELP {name} {help}\n");
        to.Write($"# TYPE {name} {type}\n");
    }

    private static void Line(TextWriter to, string name, string labels, double value) =>
        to.Write(string.Create(CultureInfo.InvariantCulture, $"{name}{{{labels}}} {value}\n"));

    private sealed class CallFigures
    {
        private readonly long[] _durations = new long[Buckets.Length + 1];
        private long _ticks, _messages, _bytesIn, _bytesOut;

        public ConcurrentDictionary<int, long> Statuses { get; } = new();

        public long Messages => Interlocked.Read(ref _messages);
        public long BytesIn => Interlocked.Read(ref _bytesIn);
        public long BytesOut => Interlocked.Read(ref _bytesOut);

        public void Count(int status, TimeSpan took, long messages, long bytesIn, long bytesOut)
        {
            Statuses.AddOrUpdate(status, 1, static (_, count) => count + 1);
            var bucket = Array.BinarySearch(Buckets, took.TotalSeconds);
            Interlocked.Increment(ref _durations[bucket >= 0 ? bucket : ~bucket]);
            Interlocked.Add(ref _ticks, took.Ticks);
            Interlocked.Add(ref _messages, messages);
            Interlocked.Add(ref _bytesIn, bytesIn);
            Interlocked.Add(ref _bytesOut, bytesOut);
        }

        public void WriteDurations(TextWriter to, string call)
        {
            const string name = "orleansmq_http_request_duration_seconds";
            var sum = 0L;
            for (var i = 0; i < _durations.Length; i++)
            {
                sum += Interlocked.Read(ref _durations[i]);
                var bound = i < Buckets.Length ? Buckets[i].ToString(CultureInfo.InvariantCulture) : "+Inf";
                Line(to, name + "_bucket", $"call=\"{call}\",le=\"{bound}\"", sum);
            }
            Line(to, name + "_sum", $"call=\"{call}\"", TimeSpan.FromTicks(Interlocked.Read(ref _ticks)).TotalSeconds);
            Line(to, name + "_count", $"call=\"{call}\"", sum);
        }
    }
}
