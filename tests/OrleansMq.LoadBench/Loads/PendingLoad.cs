using System.Buffers.Binary;

namespace OrleansMq.LoadBench.Loads;

/// <summary>Delayed messages, most of them far away; each says in its body when it is due, so that its reader can tell.</summary>
internal sealed class PendingLoad(Load load, string part)
{
    public const string Plain = "plain", WithTokens = "tokens";
    public const int PerCall = 1_000;

    /// <summary>So many are due while the run goes on.</summary>
    public const int Soon = 20_000;

    private const int CallsAtOnce = 4;
    private const int OneInAnHour = 50;

    /// <summary>Long enough for the kill and the restart, so that most of them come on time.</summary>
    private static readonly TimeSpan SoonFrom = TimeSpan.FromSeconds(10), SoonFor = TimeSpan.FromSeconds(20);

    public static IReadOnlyList<string> Parts => [Plain, WithTokens];

    public async Task Send(IBroker broker)
    {
        var began = DateTimeOffset.UtcNow;
        long next = 0;
        await Task.WhenAll(Enumerable.Range(0, CallsAtOnce).Select(_ => Task.Run(async () =>
        {
            for (long from; (from = Interlocked.Add(ref next, PerCall) - PerCall) < load.Count;)
                await Publish(broker, from, (int)Math.Min(PerCall, load.Count - from), (_, chance) => began + Far(chance));
        })));
    }

    /// <summary>They are numbered behind the others, and due one after another.</summary>
    public async Task SendSoon(IBroker broker)
    {
        var first = DateTimeOffset.UtcNow + SoonFrom;
        for (var sent = 0; sent < Soon; sent += PerCall)
            await Publish(broker, load.Count + sent, PerCall, (number, _) => first + SoonFor * ((double)(number - load.Count) / Soon));
    }

    /// <summary>The number and the time that a body says.</summary>
    public static (long Number, DateTimeOffset Due) Read(ReadOnlySpan<byte> body) =>
        (BinaryPrimitives.ReadInt64LittleEndian(body), new DateTimeOffset(BinaryPrimitives.ReadInt64LittleEndian(body[8..]), TimeSpan.Zero));

    private static TimeSpan Far(Random chance) => chance.Next(OneInAnHour) == 0
        ? TimeSpan.FromMinutes(30 + 30 * chance.NextDouble())
        : TimeSpan.FromHours(1 + chance.NextDouble() * 364 * 24);

    private async Task Publish(IBroker broker, long from, int count, Func<long, Random, DateTimeOffset> due)
    {
        var chance = new Random((int)(from / PerCall));
        var messages = new Message[count];
        for (var i = 0; i < count; i++)
            messages[i] = Due(from + i, due(from + i, chance));
        foreach (var result in await broker.Publish(load.Topic, messages))
            result.OrThrow();
    }

    private Message Due(long number, DateTimeOffset at)
    {
        var body = load.NewBody();
        BinaryPrimitives.WriteInt64LittleEndian(body, number);
        BinaryPrimitives.WriteInt64LittleEndian(body.AsSpan(8), at.UtcTicks);
        return new Message { Body = body, DeliverAt = at, Token = part == WithTokens ? $"t{number:d11}" : null };
    }
}
