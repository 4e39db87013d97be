namespace OrleansMq.Cli.Commands;

/// <summary>One run of <c>mq exchange produce</c>: line by line, in order; the first refusal ends it.</summary>
internal static class RoutedProduction
{
    public static async Task<int> Run(Invocation run, ExchangeName exchange, LineReading lines, string? routingKey)
    {
        // Asked for first: an exchange that is not there is said before anybody types a line.
        _ = await run.Broker.DescribeExchange(exchange, run.Cancel);
        long sent = 0, copies = 0, nowhere = 0;
        try
        {
            while (await run.Console.In.ReadLineAsync(run.Cancel) is { } line)
            {
                var message = lines.Read(line, sent + 1);
                var routed = (await run.Broker.PublishTo(exchange, [message with { RoutingKey = routingKey ?? message.RoutingKey }], cancel: run.Cancel))[0];
                sent++;
                nowhere += routed.Unroutable ? 1 : 0;
                foreach (var copy in routed.Copies)
                {
                    if (copy.Result.Error is { } refused)
                        throw new MqException(refused.Code, $"line {sent}, topic {copy.Topic}: {refused.Detail}", refused.RetryAfter);
                    copies++;
                    if (run.Out.Json)
                        run.Out.Line(Printer.Fields(
                            ("topic", copy.Topic.Text), ("position", new { partition = copy.Result.Position.Partition, offset = copy.Result.Position.Offset }), ("duplicate", copy.Result.Duplicate)));
                }
            }
        }
        finally
        {
            if (!run.Out.Json)
                run.Say($"{sent:N0} sent, {copies:N0} stored, {nowhere:N0} matched no binding");
        }

        return ExitCode.Done;
    }
}
