using System.Globalization;

namespace OrleansMq.Samples.Chats;

/// <summary>
/// Somebody who chats. Letters come to a topic of their own, as a queue by key: each writer's in order, though several are shown at once and some fail at first. The room is one log for all,
/// which each member follows with a cursor of their own. Who is away has no consumer; nothing else changes.
/// </summary>
internal sealed class Member(IBroker broker, string name)
{
    public static readonly TopicName Room = "room";

    private readonly Lock _gate = new();
    private readonly List<Line> _letters = [];
    private readonly List<Line> _room = [];
    private readonly HashSet<string> _shown = []; // tokens: to count what comes again
    private QueueConsumer? _reading;
    private LogConsumer? _following;
    private int _failures;
    private int _shownTwice;

    public string Name => name;

    /// <summary>Lines that were shown before.</summary>
    public int ShownTwice => _shownTwice;

    /// <summary>Letters that failed at first.</summary>
    public int Failures => _failures;

    public IReadOnlyList<Line> Letters => Copy(_letters);

    public IReadOnlyList<Line> InRoom => Copy(_room);

    /// <summary>From now on everything is kept for the member, there or away.</summary>
    public async Task Register()
    {
        await broker.PutTopic(LettersOf(name), new() { Partitions = 2 });
        await broker.PutGroup(LettersOf(name), "screen", new() { ByKey = true, Backoff = (TimeSpan[])[TimeSpan.FromMilliseconds(20)] });
        await broker.PutGroup(Room, name, new() { Style = GroupStyle.Log });
    }

    public void Come()
    {
        _reading = broker.Consume(LettersOf(name), "screen", ShowLetter, new() { Consumer = name, Workers = 4 });
        _following = broker.Follow(Room, name, ShowOfRoom, new() { Member = name });
    }

    public async Task Go()
    {
        await _reading!.DisposeAsync();
        await _following!.DisposeAsync();
    }

    public Task Write(string to, int number) => Send(LettersOf(to), number, $"{name}-{to}-{number}");

    public Task Say(int number) => Send(Room, number, $"{name}-{number}");

    private async Task Send(TopicName topic, int number, string token) =>
        (await broker.Publish(topic, [Message.OfText(number.ToString(CultureInfo.InvariantCulture), key: name) with { Token = token }]))[0].OrThrow();

    /// <summary>Every fourth letter fails the first time; those of the same writer behind it wait.</summary>
    private Task ShowLetter(Delivery delivery, CancellationToken cancel)
    {
        if (delivery.DeliveryCount > 1 || Line.Of(delivery).Number % 4 != 3)
            return Show(_letters, delivery);
        Interlocked.Increment(ref _failures);
        throw new IOException("The screen is not ready (on purpose).");
    }

    private Task ShowOfRoom(StoredMessage message, CancellationToken cancel) => Show(_room, message);

    private Task Show(List<Line> screen, StoredMessage message)
    {
        lock (_gate)
        {
            if (!_shown.Add(message.Token!))
                _shownTwice++;
            screen.Add(Line.Of(message));
        }

        return Task.CompletedTask;
    }

    private List<Line> Copy(List<Line> screen)
    {
        lock (_gate)
            return [.. screen];
    }

    private static TopicName LettersOf(string member) => $"letters.{member}";
}
