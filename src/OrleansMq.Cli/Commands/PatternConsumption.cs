using OrleansMq.Json;

namespace OrleansMq.Cli.Commands;

/// <summary>Consuming every topic that a pattern matches: each message with its topic before it, acknowledged or committed once it is printed.</summary>
internal sealed class PatternConsumption(Invocation run, PatternConsumeOptions options)
{
    private readonly Lock _sync = new();

    // Codes and kinds, which are few.
    private readonly HashSet<string> _said = [];

    // One at hand of each is given back when enough is printed.
    private readonly HashSet<TopicName> _givenBack = [];
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long _left = options.Max ?? long.MaxValue;

    public static async Task Run(Invocation run, PatternConsumeOptions options)
    {
        var consumption = new PatternConsumption(run, options);
        await using var consumer = consumption.Start();
        await consumption._ended.Task.WaitAsync(run.Cancel);
    }

    private PatternConsumer Start()
    {
        var topics = new PatternOptions { OnError = Heard };
        // One at hand in each topic: what is given back at the end is little.
        return options.Style == GroupStyle.Log
            ? run.Broker.FollowMatching(options.Pattern, options.Group, Print, new() { Member = options.Consumer, OnError = Heard }, topics, run.Console.Time)
            : run.Broker.ConsumeMatching(options.Pattern, options.Group, Print, new() { Consumer = options.Consumer, Prefetch = 1, OnError = Heard }, topics, run.Console.Time);
    }

    private Task Print(TopicName topic, StoredMessage message, CancellationToken cancel)
    {
        lock (_sync)
        {
            // It was not printed: another may have it at once. To us it may come back before we have closed, and must not use up its deliveries on that.
            if (_left == 0 || _ended.Task.IsCompleted || run.Cancel.IsCancellationRequested)
                throw new RefuseException(_givenBack.Add(topic) ? TimeSpan.Zero : TimeSpan.FromSeconds(1));
            try
            {
                Print(topic, message);
                run.Out.Flush();
            }
            catch (OutputClosedException e)
            {
                _ended.TrySetException(e);
                _givenBack.Add(topic);
                throw new RefuseException(TimeSpan.Zero);
            }

            if (--_left == 0)
                _ended.TrySetResult();
        }

        return Task.CompletedTask;
    }

    private void Print(TopicName topic, StoredMessage message)
    {
        if (run.Out.Json)
        {
            run.Out.Line(json =>
            {
                json.WriteStartObject();
                json.WriteString("topic", topic.Text);
                json.WritePropertyName("message");
                StoredMessageJson.Write(json, message);
                json.WriteEndObject();
            });
        }
        else
        {
            run.Out.Line($"{topic}\t{(options.KeySeparator is { } separator ? message.KeyText + separator : "")}{message.BodyText}");
        }
    }

    // Everything is tried again, so that one line of a kind is enough; what was refused for want of a reader is none.
    private void Heard(Exception e)
    {
        lock (_sync)
            if (e is not RefuseException && !_ended.Task.IsCompleted && _said.Add((e as MqException)?.Code ?? e.GetType().Name))
                run.Say($"mq: {e.Message} Trying again.");
    }
}

/// <summary>What <c>mq consume</c> was asked, where the topic is a pattern.</summary>
internal sealed record PatternConsumeOptions(TopicPattern Pattern, GroupName Group, GroupStyle Style, long? Max, string Consumer, string? KeySeparator);
