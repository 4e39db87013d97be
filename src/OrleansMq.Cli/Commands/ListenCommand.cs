using System.CommandLine;
using OrleansMq.Cli.Input;

namespace OrleansMq.Cli.Commands;

/// <summary><c>mq listen</c>: every message from now on, in a group of its own that goes with it.</summary>
internal static class ListenCommand
{
    public static Command Build(Shell shell)
    {
        var (topic, max, separator) = (Common.Topic(), Common.Max("End after so many messages."), Common.KeySeparator("Print each message's key before its body, with this between."));
        var group = Options.Of<GroupName?>("--group", "Its name, so that it goes on where it was when it is started again in time; ended in good order it is deleted. Default: one by chance.", "GROUP", text => new GroupName(text));
        var prefix = new Option<string?>("--prefix") { Description = "Begins a name by chance. Default broadcast.", HelpName = "TEXT" };
        var idle = Options.Of<TimeSpan?>("--delete-after-idle", "The broker deletes the group when nobody has received from it for so long. Default 5m.", "TIME", t => Text.Duration(t));
        var command = new Command("listen", "Print every message that is published from now on, whoever else gets it; leaves no group behind.") { topic, max, group, prefix, idle, separator };
        return shell.Handle(command, async run =>
        {
            var standard = new BroadcastOptions();
            await Listen(run, run.Get(topic), run.Get(max) ?? long.MaxValue, MessagePrinter.For(run, run.Get(separator)), standard with
            {
                Group = run.Get(group),
                Prefix = run.Get(prefix) ?? standard.Prefix,
                DeleteAfterIdle = run.Get(idle) ?? standard.DeleteAfterIdle,
                OnGap = gap => run.Say($"mq: messages may have been missed: {Because(gap)}"),
                // One at hand: what is given back at the end is little.
                Consumer = new() { Prefetch = 1, OnError = e => Heard(run, e) },
            });
            return ExitCode.Done;
        });
    }

    private static async Task Listen(Invocation run, TopicName topic, long max, Action<StoredMessage> print, BroadcastOptions options)
    {
        var ended = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var left = max;
        await using var consumer = await run.Broker.OpenBroadcast(topic, Print, options, run.Console.Time, run.Cancel);
        run.Say($"mq: listening as {consumer.Group}{(consumer.Resumed ? ", where it was" : "")}");
        await ended.Task.WaitAsync(run.Cancel);

        // One worker: one at a time.
        Task Print(Delivery delivery, CancellationToken cancel)
        {
            if (ended.Task.IsCompleted || run.Cancel.IsCancellationRequested)
                throw new RefuseException(TimeSpan.Zero);
            try
            {
                print(delivery);
                run.Out.Flush();
            }
            catch (OutputClosedException e)
            {
                ended.TrySetException(e);
                throw new RefuseException(TimeSpan.Zero);
            }

            if (--left == 0)
                ended.TrySetResult();
            return Task.CompletedTask;
        }
    }

    private static string Because(BroadcastGap gap) => gap.Reason == BroadcastGapReason.MessagesRemoved
        ? $"{gap.Removed} were removed before group {gap.Group} had them."
        : $"group {gap.Group} was deleted, because nobody received from it for its time or by somebody's word. It begins anew.";

    private static void Heard(Invocation run, Exception e)
    {
        if (e is not RefuseException)
            run.Say($"mq: {e.Message} Trying again.");
    }
}
