using System.CommandLine;
using OrleansMq.Cli.Input;

namespace OrleansMq.Cli;

/// <summary>What all commands share: the streams, the way to a broker, and the global options.</summary>
internal sealed class Shell(MqConsole console, Func<Uri, HttpBrokerOptions, IBroker> connect)
{
    public MqConsole Console => console;

    public Option<string> Server { get; } = new("--server")
    {
        Description = "Address of the broker's HTTP gateway. Also by MQ_SERVER.",
        HelpName = "URL",
        Recursive = true,
        DefaultValueFactory = _ => Environment.GetEnvironmentVariable("MQ_SERVER") is { Length: > 0 } server ? server : "http://127.0.0.1:8080",
    };

    public Option<bool> Json { get; } = new("--json")
    {
        Description = "For programs: one JSON document, or JSON lines where messages are listed, on standard output.",
        Recursive = true,
    };

    /// <summary>A command that talks to a broker.</summary>
    public Command Handle(Command command, Func<Invocation, Task<int>> run)
    {
        command.SetAction(async (parsed, cancel) =>
        {
            await using var invocation = new Invocation(this, parsed, cancel);
            return await run(invocation);
        });
        return command;
    }

    public Login Login { get; } = new();

    public IBroker Connect(string server, ParseResult parsed, bool asNobody = false)
    {
        if (!Uri.TryCreate(server, UriKind.Absolute, out var address) || address.Scheme is not ("http" or "https"))
            throw new UsageException($"--server: '{server}' is no http:// or https:// address.");
        var login = Login.Read(parsed);
        try
        {
            return connect(address, asNobody ? login with { Credential = null, Certificate = null } : login);
        }
        catch (ArgumentException refused)
        {
            throw new UsageException($"--server: {refused.Message}");
        }
    }
}

/// <summary>One run of one command. Connects when the broker is first asked for.</summary>
internal sealed class Invocation(Shell shell, ParseResult parsed, CancellationToken cancel) : IAsyncDisposable
{
    private IBroker? _broker;

    public MqConsole Console => shell.Console;
    public CancellationToken Cancel => cancel;
    public string Server => parsed.GetValue(shell.Server)!;
    public IBroker Broker => _broker ??= shell.Connect(Server, parsed);
    /// <summary>Another way to the same broker, without a credential; to be disposed by whoever asked.</summary>
    public IBroker ConnectAsNobody() => shell.Connect(Server, parsed, asNobody: true);

    public Printer Out { get; } = new(shell.Console.Out, shell.Console.OutIsTerminal, parsed.GetValue(shell.Json));

    public T Get<T>(Option<T> option) => parsed.GetValue(option)!;
    public T Get<T>(Argument<T> argument) => parsed.GetRequiredValue(argument);

    /// <summary>Null where it was left out.</summary>
    public string? GetOptional(Argument<string?> argument) => parsed.GetValue(argument);

    /// <summary>A remark to the person, never part of the result.</summary>
    public void Say(string text) => shell.Console.Error.WriteLine(text);

    public ValueTask DisposeAsync() => _broker?.DisposeAsync() ?? ValueTask.CompletedTask;
}
