using Microsoft.AspNetCore.Http;

namespace OrleansMq.Storage.AzureBlobs.Tests.Faults;

/// <summary>What the proxy does to one request.</summary>
public enum Fault
{
    None,

    /// <summary>Answers 412 and asks nobody.</summary>
    ConditionNotMet,

    /// <summary>Answers 500 and asks nobody.</summary>
    Error,

    /// <summary>Answers 503 and asks nobody.</summary>
    Busy,

    /// <summary>Cuts the connection and asks nobody.</summary>
    CutBefore,

    /// <summary>Lets it be done, then cuts the connection.</summary>
    CutAfter,

    /// <summary>Lets it be done, then answers 500.</summary>
    ErrorAfter,

    /// <summary>Lets it be done, then says nothing until the caller has given up.</summary>
    SilentAfter,

    /// <summary>Holds the request back until the caller has given up, and only then lets it be done.</summary>
    LateBefore,

    /// <summary>Holds it back for a moment.</summary>
    Slow,
}

/// <summary>Which fault a request meets.</summary>
public interface IFaultPlan
{
    Fault Next(HttpRequest request);
}

/// <summary>Kinds of requests, by what they look like.</summary>
public static class BlobRequests
{
    public static bool IsWrite(this HttpRequest request) => request.Method is "PUT" or "DELETE";

    public static bool IsAppend(this HttpRequest request) => request.Method == "PUT" && request.Query["comp"] == "appendblock";

    public static bool IsTakeOver(this HttpRequest request) => request.Method == "PUT" && request.Query["comp"] == "metadata";

    public static bool IsManifest(this HttpRequest request) => request.Method == "PUT" && request.Path.Value!.EndsWith("/manifest", StringComparison.Ordinal);

    /// <summary>A write that names a condition, so that 412 is an answer it can get.</summary>
    public static bool IsConditional(this HttpRequest request) => request.Method == "PUT" && (request.Headers.ContainsKey("If-Match") || request.Headers.ContainsKey("If-None-Match"));
}

/// <summary>Faults by chance, the same for the same seed and order of requests.</summary>
/// <param name="share">How many of all requests meet one.</param>
public sealed class RandomFaults(int seed, double share) : IFaultPlan
{
    private static readonly Fault[] OfWrites =
        [Fault.ConditionNotMet, Fault.Error, Fault.Busy, Fault.CutBefore, Fault.CutAfter, Fault.CutAfter, Fault.ErrorAfter, Fault.ErrorAfter, Fault.SilentAfter, Fault.LateBefore, Fault.Slow];
    private static readonly Fault[] OfReads = [Fault.Error, Fault.Busy, Fault.CutBefore, Fault.CutAfter, Fault.Slow];

    private readonly Lock _gate = new();
    private readonly Random _random = new(seed);

    public Fault Next(HttpRequest request)
    {
        lock (_gate)
        {
            if (_random.NextDouble() >= share)
                return Fault.None;
            var fault = request.IsWrite() ? OfWrites[_random.Next(OfWrites.Length)] : OfReads[_random.Next(OfReads.Length)];
            return fault == Fault.ConditionNotMet && !request.IsConditional() ? Fault.Error : fault;
        }
    }
}

/// <summary>Faults as a story tells them: what it does not name goes through.</summary>
public sealed class ScriptedFaults : IFaultPlan
{
    private readonly Lock _gate = new();
    private readonly List<(Func<HttpRequest, bool> Which, Queue<Fault> Faults)> _scripts = [];

    /// <summary>The next requests of a kind meet these, one each.</summary>
    public void Next(Func<HttpRequest, bool> which, params Fault[] faults)
    {
        lock (_gate)
            _scripts.Add((which, new Queue<Fault>(faults)));
    }

    public Fault Next(HttpRequest request)
    {
        lock (_gate)
        {
            foreach (var (which, faults) in _scripts)
                if (faults.Count > 0 && which(request))
                    return faults.Dequeue();
            return Fault.None;
        }
    }
}
