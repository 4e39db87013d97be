using System.Threading.Channels;

namespace OrleansMq.Cli.Commands;

/// <summary>One run of <c>mq produce</c>: lines go out in order, many on their way at once; the first refusal ends it.</summary>
internal sealed class Production
{
    private const int MostOnTheirWay = 10_000;

    private readonly Invocation _run;
    private readonly Channel<(long Line, Task<PublishResult> Result)> _onTheirWay = Channel.CreateBounded<(long, Task<PublishResult>)>(MostOnTheirWay);
    private readonly CancellationTokenSource _stopReading;
    private long _stored;
    private long _duplicates;

    private Production(Invocation run) => (_run, _stopReading) = (run, CancellationTokenSource.CreateLinkedTokenSource(run.Cancel));

    public static async Task<int> Run(Invocation run, TopicName topic, ProducerOptions options, LineReading lines, TextReader input, double? rate)
    {
        var production = new Production(run);
        using var stop = production._stopReading;
        // Asked for first: a topic that is not there is said before anybody types a line.
        _ = await Patience.Try(run, options.RetryFor, () => run.Broker.DescribeTopic(topic, run.Cancel));
        await using var producer = new Producer(run.Broker, topic, options, run.Console.Time);
        var work = Task.WhenAll(production.Send(producer, lines, input, new Pace(rate, run.Console.Time)), production.Settle());
        try
        {
            await LiveProgress.Show(run.Console, "stored", () => (production._stored, null), work);
        }
        finally
        {
            if (!run.Out.Json)
                run.Say($"{production._stored:N0} stored, of them {production._duplicates:N0} before");
        }
        run.Cancel.ThrowIfCancellationRequested();
        return ExitCode.Done;
    }

    private async Task Send(Producer producer, LineReading lines, TextReader input, Pace pace)
    {
        try
        {
            for (long number = 1; await NextLine(input) is { } line; number++)
            {
                var message = lines.Read(line, number);
                await pace.Next(_stopReading.Token);
                await _onTheirWay.Writer.WriteAsync((number, producer.Send(message)), _stopReading.Token);
            }
        }
        catch (OperationCanceledException) when (_stopReading.IsCancellationRequested)
        {
        }
        finally
        {
            _onTheirWay.Writer.Complete();
        }
    }

    // A read of standard input can't be called back; it is left behind.
    private Task<string?> NextLine(TextReader input) => input.ReadLineAsync(CancellationToken.None).AsTask().WaitAsync(_stopReading.Token);

    /// <summary>Takes the answers in the order of the lines, to the last one that was sent.</summary>
    private async Task Settle()
    {
        Exception? first = null;
        await foreach (var (line, result) in _onTheirWay.Reader.ReadAllAsync(CancellationToken.None))
        {
            try
            {
                Count(await result);
            }
            catch (MqException e)
            {
                first ??= new MqException(e.Code, $"line {line}: {e.Message}", e.RetryAfter, e);
                await _stopReading.CancelAsync();
            }
            catch (Exception e)
            {
                first ??= e;
                await _stopReading.CancelAsync();
            }
        }
        if (first is not null)
            throw first;
    }

    private void Count(PublishResult result)
    {
        _ = result.OrThrow();
        _stored++;
        if (result.Duplicate)
            _duplicates++;
        if (_run.Out.Json)
            _run.Out.Line(result.Scheduled is { } scheduled
                ? Printer.Fields(("scheduled", scheduled), ("duplicate", result.Duplicate))
                : result.Half is { } half
                ? Printer.Fields(("half", half), ("duplicate", result.Duplicate))
                : Printer.Fields(("position", new { partition = result.Position.Partition, offset = result.Position.Offset }), ("duplicate", result.Duplicate)));
    }
}

/// <summary>Not more than so many a second, evenly.</summary>
internal sealed class Pace(double? perSecond, TimeProvider time)
{
    private readonly long _start = time.GetTimestamp();
    private long _count;

    public Task Next(CancellationToken cancel)
    {
        if (perSecond is not { } rate)
            return Task.CompletedTask;
        var early = TimeSpan.FromSeconds(_count++ / rate) - time.GetElapsedTime(_start);
        return early > TimeSpan.Zero ? Task.Delay(early, time, cancel) : Task.CompletedTask;
    }
}
