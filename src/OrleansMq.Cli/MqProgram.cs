using System.CommandLine;
using System.Net.Sockets;
using OrleansMq.Cli.Commands;

namespace OrleansMq.Cli;

/// <summary>The <c>mq</c> command with everything outside given to it, so that a test can run it whole.</summary>
public static class MqProgram
{
    public static Task<int> Run(string[] args, TextReader stdin, TextWriter stdout, TextWriter stderr, Func<Uri, IBroker> connect) =>
        Run(args, new MqConsole(stdin, stdout, stderr), connect);

    /// <summary>Where nobody is asked who they are.</summary>
    public static Task<int> Run(string[] args, MqConsole console, Func<Uri, IBroker> connect, CancellationToken interrupted = default) =>
        Run(args, console, (address, _) => connect(address), interrupted);

    /// <returns>One of <see cref="ExitCode"/>.</returns>
    /// <param name="interrupted">Ctrl-C.</param>
    public static async Task<int> Run(string[] args, MqConsole console, Func<Uri, HttpBrokerOptions, IBroker> connect, CancellationToken interrupted = default)
    {
        // Not System.CommandLine's response files: '@FILE' means the file's text in our own options.
        var parsed = Root(new Shell(console, connect)).Parse(args, new ParserConfiguration { ResponseFileTokenReplacer = null });
        if (parsed.Errors.Count > 0)
        {
            foreach (var error in parsed.Errors)
                console.Error.WriteLine($"mq: {error.Message}");
            console.Error.WriteLine($"Try '{Path(parsed.CommandResult)} --help'.");
            return ExitCode.Usage;
        }
        try
        {
            var code = await parsed.InvokeAsync(new InvocationConfiguration
            {
                Output = console.Out,
                Error = console.Error,
                EnableDefaultExceptionHandler = false,
                ProcessTerminationTimeout = null,
            }, interrupted);
            await console.Out.FlushAsync(CancellationToken.None);
            return code;
        }
        catch (Exception e) when (Answer(e, interrupted.IsCancellationRequested) is { } answer)
        {
            if (answer.Message is { } message)
                console.Error.WriteLine($"mq: {message}");
            return answer.Code;
        }
    }

    private static RootCommand Root(Shell shell)
    {
        var root = new RootCommand($"OrleansMq's command line: topics, messages, groups, dead letters, delayed messages.\n\n{ExitCode.Help}")
        {
            shell.Server, shell.Json,
        };
        foreach (var option in shell.Login.All)
            root.Add(option);
        root.Add(TopicCommands.Build(shell));
        root.Add(ExchangeCommands.Build(shell));
        root.Add(ProduceCommand.Build(shell));
        root.Add(RequestCommand.Build(shell));
        root.Add(ConsumeCommand.Build(shell));
        root.Add(ListenCommand.Build(shell));
        root.Add(BrowseCommand.Build(shell));
        root.Add(GroupCommands.Build(shell));
        root.Add(DeadLetterCommands.Build(shell));
        root.Add(ScheduledCommands.Build(shell));
        root.Add(HalfCommands.Build(shell));
        root.Add(TransactionCommands.Build(shell));
        root.Add(SessionCommands.Build(shell));
        root.Add(ReconcileCommand.Build(shell));
        root.Add(TraceCommand.Build(shell));
        root.Add(SlowCommand.Build(shell));
        root.Add(WhyCommand.Build(shell));
        root.Add(SeekCommand.Build(shell));
        root.Add(WebhookCommands.Build(shell));
        root.Add(UserCommands.Build(shell));
        root.Add(AclCommands.Build(shell));
        root.Add(QuotaCommands.Build(shell));
        root.Add(BenchCommand.Build(shell));
        root.Add(DoctorCommand.Build(shell));
        return root;
    }

    /// <summary>The one table from what went wrong to an exit code and a line. Null: our own bug, shown with its stack.</summary>
    private static (int Code, string? Message)? Answer(Exception e, bool interrupted) => e switch
    {
        OutputClosedException => (ExitCode.Done, null),
        OperationCanceledException when interrupted => (ExitCode.Interrupted, null),
        UsageException => (ExitCode.Usage, e.Message),
        MqException or HttpRequestException or SocketException when IsUnreachable(e) => (ExitCode.Unreachable, $"unreachable: {e.Message}"),
        MqException refusal => (ExitCode.Refused, $"{refusal.Code}: {refusal.Message}"),
        FileNotFoundException or DirectoryNotFoundException or UnauthorizedAccessException => (ExitCode.Usage, e.Message),
        _ => null,
    };

    private static bool IsUnreachable(Exception e)
    {
        for (Exception? cause = e; cause is not null; cause = cause.InnerException)
            if (cause is HttpRequestException { StatusCode: null } or SocketException)
                return true;
        return false;
    }

    private static string Path(System.CommandLine.Parsing.CommandResult command) =>
        command.Parent is System.CommandLine.Parsing.CommandResult parent ? $"{Path(parent)} {command.Command.Name}" : "mq";
}
