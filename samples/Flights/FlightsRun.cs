using System.Diagnostics;

namespace OrleansMq.Samples.Flights;

/// <summary>The story from the beginning to the end.</summary>
internal sealed class FlightsRun(BrokerProcess process, IBroker broker, IReadOnlyList<Flight> flights, int rounds, CancellationToken cancel)
{
    private const int Partitions = 8;
    private const int OnTheirWay = 1_000;
    private const int SentAgain = 500;
    private static readonly TopicName Topic = "flights";
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60); // with nothing moving

    private readonly Ledger _ledger = new(flights.Count * rounds, Partitions);

    public static async Task<int> Run(SampleOptions options, CancellationToken cancel)
    {
        var flights = await FlightData.Load(FlightData.CacheFolder, Console.WriteLine, cancel);
        var folder = options.Data is { } given ? Directory.CreateDirectory(given).FullName : Directory.CreateTempSubdirectory("flights-").FullName;
        var data = Path.Combine(folder, "data");
        if (Directory.Exists(data))
            throw new SetUpException($"{data} holds an earlier run; give another folder, or delete it.");
        try
        {
            await using var process = new BrokerProcess(data);
            await process.Start(cancel);
            await using var broker = HttpBroker.Connect(process.Address);
            return await new FlightsRun(process, broker, flights, options.Rounds, cancel).Run();
        }
        finally
        {
            if (options.Keep)
                Console.WriteLine($"The broker's folder is {folder}; mq doctor {data} looks at it.");
            else
                Directory.Delete(folder, recursive: true);
        }
    }

    private async Task<int> Run()
    {
        Console.WriteLine($"Broker at {process.Address}: {flights.Count * rounds:N0} flights into {Partitions} partitions");
        await broker.PutTopic(Topic, new TopicChange { Partitions = Partitions }, cancel);
        await Boards.Declare(broker, Topic, cancel);
        await DelayWorkers.Declare(broker, Topic, cancel);

        long unknownResends, wrongDeadLetters;
        TimeSpan publishing;
        var doomed = FlightData.Rounds(flights, rounds).Where(DelayWorkers.AlwaysFails).Select(flight => flight.Token).ToHashSet();
        await using (var boards = new Boards(broker, Topic, _ledger))
        await using (var workers = new DelayWorkers(broker, Topic, _ledger))
        {
            var publisher = new Publisher(broker, Topic, _ledger, OnTheirWay);
            publishing = await Timed(PublishOverAKill(publisher), "publishing");
            unknownResends = await publisher.PublishAgain([.. FlightData.Rounds(flights, rounds).Skip((_ledger.Flights / 2) - (SentAgain / 2)).Take(SentAgain)], cancel);
            await Timed(Until(() => _ledger.Boards.Seen >= _ledger.Flights && _ledger.DelaysSettled >= _ledger.Flights - doomed.Count, "boards and delays"), "catching up");

            var dead = await DeadLetters(doomed.Count);
            _ledger.DeadLettered = dead.Count;
            wrongDeadLetters = dead.Count(token => !doomed.Contains(token)) + doomed.Count(token => dead.Count(d => d == token) != 1);
            workers.Repair();
            _ledger.Redriven = await broker.Redrive(Topic, DelayWorkers.Group, DeadLetterSelection.All, cancel: cancel);
            await Until(() => _ledger.Handled >= _ledger.Delayed, "redriven dead letters");
        }

        TimeSpan replaying;
        var stored = (await broker.DescribeTopic(Topic, cancel)).Partitions.Sum(p => p.End - p.Start);
        await using (new LateReplay(broker, Topic, _ledger))
            replaying = await Timed(Until(() => _ledger.Late.Seen >= Math.Max(stored, _ledger.Flights), "late replay"), "late replay");

        var unsettled = await Unsettled(DelayWorkers.Group) + await Unsettled(Boards.Group);
        var promises = Promises.Of(_ledger, unknownResends, wrongDeadLetters, unsettled, await process.Stop());
        Report.Print(_ledger, promises, publishing, replaying);
        return Verdict(promises);
    }

    private async Task PublishOverAKill(Publisher publisher)
    {
        var publishing = publisher.Publish(FlightData.Rounds(flights, rounds), cancel);
        while (_ledger.Acked < _ledger.Flights / 2 && !publishing.IsCompleted)
            await Task.Delay(TimeSpan.FromMilliseconds(1), cancel);
        _ledger.Killed = _ledger.Acked;
        var down = Stopwatch.GetTimestamp();
        await process.Kill();
        await process.Start(cancel);
        _ledger.Down = Stopwatch.GetElapsedTime(down);
        await publishing;
    }

    /// <summary>The tokens in the group's dead-letter topic, once there are as many as there should be, or no more come.</summary>
    private async Task<List<string>> DeadLetters(int expected)
    {
        List<string> tokens = [];
        for (var since = Stopwatch.GetTimestamp(); tokens.Count < expected && Stopwatch.GetElapsedTime(since) < Patience;)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(100), cancel);
            tokens = [.. (await broker.ReadAll(TopicName.DeadLettersOf(Topic, DelayWorkers.Group), cancel: cancel)).Select(letter => letter.Token ?? "")];
        }
        return tokens;
    }

    private async Task<long> Unsettled(GroupName group) =>
        (await broker.DescribeGroup(Topic, group, cancel)).Partitions.Sum(p => p.Lag + p.DeadLetters);

    private async Task<TimeSpan> Timed(Task work, string title)
    {
        var start = Stopwatch.GetTimestamp();
        await Progress.Show(title, work,
            new("published", () => (_ledger.Acked, _ledger.Flights)),
            new("on boards", () => (_ledger.Boards.Seen, _ledger.Flights)),
            new("through delays", () => (_ledger.DelaysSettled, _ledger.Flights)),
            new("replayed late", () => (_ledger.Late.Seen, _ledger.Flights)));
        return Stopwatch.GetElapsedTime(start);
    }

    /// <summary>Waits as long as something moves; a promise that is then unkept stands in the report.</summary>
    private async Task Until(Func<bool> reached, string what)
    {
        var (pulse, since) = (_ledger.Pulse, Stopwatch.GetTimestamp());
        while (!reached())
        {
            await Task.Delay(TimeSpan.FromMilliseconds(20), cancel);
            if (_ledger.Pulse != pulse)
                (pulse, since) = (_ledger.Pulse, Stopwatch.GetTimestamp());
            else if (Stopwatch.GetElapsedTime(since) > Patience)
            {
                Console.Error.WriteLine($"flights: nothing moved for {Patience.TotalSeconds:N0} s while waiting for {what}; going on to the report.");
                return;
            }
        }
    }

    private static int Verdict(IReadOnlyList<Promise> promises)
    {
        foreach (var broken in promises.Where(p => !p.IsKept))
            Console.Error.WriteLine($"flights: BROKEN, {broken.Broken:N0} times: {broken.Text}.");
        return promises.All(p => p.IsKept) ? 0 : 1;
    }
}
