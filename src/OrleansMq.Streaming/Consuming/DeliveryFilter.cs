using System.Diagnostics;
using Orleans.Runtime.Messaging;
using Orleans.Streams;

namespace OrleansMq.Streaming;

/// <summary>
/// Stands between the agent and the subscriber, where alone both are known: tells a cursor whose it is and why it was refused, leaves out what that subscription
/// had settled before a restart, and traces.
/// </summary>
internal sealed class DeliveryFilter : IOutgoingGrainCallFilter
{
    // Orleans' own interface between agent and subscriber. It is not public, but its type can be compared.
    private static readonly Type Subscriber = typeof(IAsyncStream).Assembly.GetType("Orleans.Streams.IStreamConsumerExtension", throwOnError: true)!;

    public Task Invoke(IOutgoingGrainCallContext context)
    {
        if (context.Request.GetInterfaceType() != Subscriber)
            return context.Invoke();
        return context.Request.GetArgumentCount() switch
        {
            >= 3 when context.Request.GetArgument(2) is StreamBatch { Cursor: { } cursor } batch => Deliver(context, cursor, batch),
            >= 2 when context.Request.GetArgument(1) is StreamEventDeliveryFailureException => TellFailure(context),
            _ => context.Invoke(),
        };
    }

    /// <summary>Whether a subscriber could not be reached, as against having refused.</summary>
    public static bool IsTrouble(Exception fault) =>
        fault is OrleansMessageRejectionException or SiloUnavailableException or ConnectionFailedException or GatewayTooBusyException or OperationCanceledException or ClientNotAvailableException;

    private static async Task Deliver(IOutgoingGrainCallContext context, StreamCursor cursor, StreamBatch batch)
    {
        var subscription = ((GuidId)context.Request.GetArgument(0)!).Guid;
        cursor.Subscription = subscription;
        var feed = cursor.Feed;
        if (feed.WasSettledBefore(cursor, batch, subscription))
        {
            context.Result = null;
            return;
        }

        using var activity = StreamDiagnostics.StartProcess(feed.Topic, feed.Group, batch);
        var began = Stopwatch.GetTimestamp();
        try
        {
            await context.Invoke();
            // A result is the subscriber's wish to go on elsewhere: it took nothing.
            if (context.Response is { Exception: null, Result: null })
                StreamDiagnostics.Processed(feed.Topic, feed.Group, batch.Events.Count, Stopwatch.GetElapsedTime(began));
            else if (context.Response?.Exception is { } refusal)
                Refuse(feed, cursor, activity, refusal);
        }
        catch (Exception refusal)
        {
            Refuse(feed, cursor, activity, refusal);
            throw;
        }
    }

    private static void Refuse(PartitionFeed feed, StreamCursor cursor, Activity? activity, Exception refusal)
    {
        cursor.Fault(refusal);
        activity?.SetStatus(ActivityStatusCode.Error, refusal.Message);
        StreamDiagnostics.Refused(feed.Topic, refusal.GetType().Name);
    }

    /// <summary>The agent tells a subscriber of every delivery that failed. Ours are repeated: it hears of the last, when the event goes to dead letters.</summary>
    private static Task TellFailure(IOutgoingGrainCallContext context)
    {
        if (!StreamCursor.TakeFailureToHide())
            return context.Invoke();
        context.Result = null;
        return Task.CompletedTask;
    }
}
