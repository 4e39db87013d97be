using System.CommandLine;
using OrleansMq.Cli.Input;
using OrleansMq.Json;

namespace OrleansMq.Cli.Commands;

/// <summary><c>mq exchange create|describe|delete|list|bind|unbind|route|produce</c>.</summary>
internal static class ExchangeCommands
{
    public static Command Build(Shell shell) => new("exchange", "Names that messages are sent to and that choose their topics.")
    {
        Create(shell),
        Describe(shell),
        Delete(shell),
        List(shell),
        Bind(shell, "bind", "Lead messages that match to a topic or to another exchange, too.", (run, exchange, binding) => run.Broker.Bind(exchange, binding, run.Cancel)),
        Bind(shell, "unbind", "Take a binding away; name it as it was made.", (run, exchange, binding) => run.Broker.Unbind(exchange, binding, run.Cancel)),
        Route(shell),
        Produce(shell),
    };

    private static Command Create(Shell shell)
    {
        var exchange = Common.Exchange();
        var kind = Options.Of<ExchangeKind?>("--kind", "direct, fanout, pattern (* is one word of the key, # any number) or headers. Default direct.", "KIND", t => Text.Word(Words.ExchangeKind)(t));
        var alternate = Options.Of<ExchangeName?>("--alternate", "The exchange for what matches no binding here.", "NAME", t => new ExchangeName(t));
        return shell.Handle(new Command("create", "Create an exchange, or change its alternate.") { exchange, kind, alternate }, async run =>
        {
            var change = new ExchangeChange { Kind = run.Get(kind), Alternate = run.Get(alternate) is { } other ? Change<ExchangeName?>.To(other) : default };
            var now = await run.Broker.PutExchange(run.Get(exchange), change, run.Cancel);
            run.Out.Result($"exchange {now.Name}: {(now.Created ? "created" : "is there")}, {Words.ExchangeKind.Write(now.Kind)}", json => RoutingJson.Write(json, now));
            return ExitCode.Done;
        });
    }

    private static Command Describe(Shell shell)
    {
        var exchange = Common.Exchange();
        return shell.Handle(new Command("describe", "An exchange's kind, alternate and bindings.") { exchange }, async run =>
        {
            var found = await run.Broker.DescribeExchange(run.Get(exchange), run.Cancel);
            if (run.Out.Json)
            {
                run.Out.Line(json => RoutingJson.Write(json, found));
                return ExitCode.Done;
            }

            var alternate = found.Alternate is { } other ? $", else {other}" : "";
            run.Out.Table($"exchange {found.Name}: {Words.ExchangeKind.Write(found.Kind)}{alternate}", ["to"], found.Bindings.Select(binding => (IReadOnlyList<string>)[binding.ToString()]));
            return ExitCode.Done;
        });
    }

    private static Command Delete(Shell shell)
    {
        var exchange = Common.Exchange();
        return shell.Handle(new Command("delete", "Delete an exchange with its bindings.") { exchange }, async run =>
        {
            await run.Broker.DeleteExchange(run.Get(exchange), run.Cancel);
            run.Out.Result($"exchange {run.Get(exchange)}: deleted", Printer.Fields(("exchange", run.Get(exchange).Text), ("deleted", true)));
            return ExitCode.Done;
        });
    }

    private static Command List(Shell shell)
    {
        var prefix = new Option<string>("--prefix") { Description = "Only names that begin so.", DefaultValueFactory = _ => "" };
        return shell.Handle(new Command("list", "Names of all exchanges, one a line.") { prefix }, async run =>
        {
            await Pages.Print(run.Out, "exchanges", Pages.All(after => run.Broker.ListExchanges(run.Get(prefix), after, 1_000, run.Cancel)), name => name.Text);
            return ExitCode.Done;
        });
    }

    private static Command Bind(Shell shell, string name, string description, Func<Invocation, ExchangeName, Binding, ValueTask<bool>> act)
    {
        var exchange = Common.Exchange();
        var topic = Options.Of<TopicName?>("--topic", "The topic it leads to.", "NAME", t => new TopicName(t));
        var other = Options.Of<ExchangeName?>("--exchange", "The exchange it leads to.", "NAME", t => new ExchangeName(t));
        var key = new Option<string>("--key") { Description = "The key, or its pattern.", HelpName = "KEY", DefaultValueFactory = _ => "" };
        var headers = new Option<string[]>("--header") { Description = "name=text, or name for any text; may be given again.", HelpName = "NAME[=TEXT]" };
        var any = new Option<bool>("--any") { Description = "One of the headers is enough." };
        return shell.Handle(new Command(name, description) { exchange, topic, other, key, headers, any }, async run =>
        {
            var binding = new Binding
            {
                Topic = run.Get(topic), Exchange = run.Get(other), Key = run.Get(key), AnyHeader = run.Get(any),
                Headers = run.Get(headers).Select(HeaderOf).ToDictionary(StringComparer.Ordinal),
            };
            var changed = await act(run, run.Get(exchange), binding);
            run.Out.Result($"exchange {run.Get(exchange)}: {(changed ? $"{name} {binding}" : $"no change, {(name == "bind" ? "it is there already" : "there is no such binding")}")}", Printer.Fields(("exchange", run.Get(exchange).Text), ("changed", changed)));
            return ExitCode.Done;
        });
    }

    private static KeyValuePair<string, string?> HeaderOf(string text)
    {
        var at = text.IndexOf('=', StringComparison.Ordinal);
        return at < 0 ? new(text, null) : new(text[..at], text[(at + 1)..]);
    }

    private static Command Route(Shell shell)
    {
        var exchange = Common.Exchange();
        var key = new Argument<string>("key") { Description = "The routing key.", DefaultValueFactory = _ => "" };
        var headers = new Option<string[]>("--header") { Description = "name=text; may be given again.", HelpName = "NAME=TEXT" };
        return shell.Handle(new Command("route", "Where a message would go; nothing is sent.") { exchange, key, headers }, async run =>
        {
            var facts = new RoutingFacts(run.Get(key), [.. run.Get(headers).Select(Text.Header)]);
            var routes = await run.Broker.Route(run.Get(exchange), [facts], run.Cancel);
            if (run.Out.Json)
                run.Out.Line(json => RoutingJson.WriteRoutes(json, routes));
            else if (routes[0].Count == 0)
                run.Say("nowhere: no binding matches");
            else
                foreach (var topic in routes[0])
                    run.Out.Line(topic.Text);
            return ExitCode.Done;
        });
    }

    private static Command Produce(Shell shell)
    {
        var exchange = Common.Exchange();
        var routingKey = new Option<string?>("--routing-key") { Description = "Of every line. Without: the line's key.", HelpName = "KEY" };
        var separator = Common.KeySeparator("A line is KEY, this text, BODY. Without: the whole line is the body.");
        var jsonLines = new Option<bool>("--json-lines") { Description = "A line is a message object as HTTP takes it." };
        var headers = new Option<string[]>("--header") { Description = "name=text on every message; may be given again.", HelpName = "NAME=TEXT" };
        var token = new Option<string?>("--token") { Description = "Idempotency token of each line: {n} is its number, {key} its key. Sent again, each topic stores it once.", HelpName = "TEMPLATE" };
        return shell.Handle(new Command("produce", "Send a message for each line of standard input to the topics that the bindings choose.") { exchange, routingKey, separator, jsonLines, headers, token }, async run =>
        {
            var lines = new LineReading(run.Get(jsonLines), run.Get(separator), [.. run.Get(headers).Select(Text.Header)], null, run.Get(token), null);
            return await RoutedProduction.Run(run, run.Get(exchange), lines, run.Get(routingKey));
        });
    }
}
