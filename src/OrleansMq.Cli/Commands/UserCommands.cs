using System.CommandLine;
using OrleansMq.Cli.Input;
using OrleansMq.Json;

namespace OrleansMq.Cli.Commands;

/// <summary><c>mq user add|passwd|change|rm|list</c>.</summary>
internal static class UserCommands
{
    public static Command Build(Shell shell) => new("user", "Users who may come in with a password.")
    {
        Add(shell),
        Password(shell),
        Change(shell),
        Remove(shell),
        List(shell),
    };

    private static Command Add(Shell shell)
    {
        var (user, password, teams, file) = (Name(), PasswordFile(), Teams(), Directories.File());
        var tenant = new Option<string?>("--tenant") { Description = "Whose names it sees; for ever. Left out: those that are no tenant's.", HelpName = "NAME" };
        var command = new Command("add", "Make a user; it may do nothing until 'mq acl add' allows it. One that exists is left as it is and refused (name-taken).") { user, password, teams, tenant, file };
        return shell.Handle(command, run => Directories.Use(run, file, async directory =>
        {
            if ((await directory.ListUsers(run.Cancel)).Any(known => known.Name == run.Get(user)))
                throw new MqException(ErrorCodes.NameTaken, $"User {run.Get(user)} exists already; 'mq user passwd' sets its password.");
            Print(run, "added", await directory.PutUser(run.Get(user), new UserChange { Password = NewPassword(run, password), Teams = run.Get(teams), Tenant = run.Get(tenant) }, run.Cancel));
        }));
    }

    private static Command Password(Shell shell)
    {
        var (user, password, file) = (Name(), PasswordFile(), Directories.File());
        var command = new Command("passwd", "Set a user's password. Everyone may set their own.") { user, password, file };
        return shell.Handle(command, run => Directories.Use(run, file, async directory =>
            Print(run, "has a new password", await directory.PutUser(run.Get(user), new UserChange { Password = NewPassword(run, password) }, run.Cancel))));
    }

    private static Command Change(Shell shell)
    {
        var (user, teams, file) = (Name(), Teams(), Directories.File());
        var disabled = new Option<bool?>("--disabled") { Description = "Whether it is kept out; its rules stay.", HelpName = "BOOL" };
        var command = new Command("change", "Change a user's teams, or keep it out for a while.") { user, teams, disabled, file };
        return shell.Handle(command, run => Directories.Use(run, file, async directory =>
            Print(run, "changed", await directory.PutUser(run.Get(user), new UserChange { Teams = run.Get(teams), Disabled = run.Get(disabled) }, run.Cancel))));
    }

    private static Command Remove(Shell shell)
    {
        var (user, file) = (Name(), Directories.File());
        return shell.Handle(new Command("rm", "Delete a user and the rules that are for it alone.") { user, file }, run => Directories.Use(run, file, async directory =>
        {
            await directory.DeleteUser(run.Get(user), run.Cancel);
            run.Out.Result($"user {run.Get(user)}: deleted", Printer.Fields(("name", run.Get(user)), ("deleted", true)));
        }));
    }

    private static Command List(Shell shell)
    {
        var file = Directories.File();
        return shell.Handle(new Command("list", "All users.") { file }, run => Directories.Use(run, file, async directory =>
        {
            var users = await directory.ListUsers(run.Cancel);
            if (run.Out.Json)
                run.Out.Line(json => AccessJson.WriteAll(json, "users", users, AccessJson.WriteUser));
            else
                run.Out.Table("users", ["user", "teams", "state", "tenant"], users.Select(IReadOnlyList<string> (user) => [user.Name, string.Join(',', user.Teams), user.Disabled ? "disabled" : "enabled", user.Tenant ?? "-"]));
        }));
    }

    private static void Print(Invocation run, string done, UserDescription user) => run.Out.Result($"user {user.Name}: {done}", json => AccessJson.WriteUser(json, user));

    private static string NewPassword(Invocation run, Option<string?> file)
    {
        if (run.Get(file) is { } path)
            return Login.FirstLine(path);
        if (run.Console.AskSecret is { } ask)
            return ask("New password: ") is var first && ask("Again: ") == first ? first : throw new UsageException("The two are not the same.");
        return run.Console.In.ReadLine() is { Length: > 0 } line ? line : throw new UsageException("Give the new password by --new-password-file FILE, or as a line on standard input.");
    }

    private static Argument<string> Name() => new("USER") { Description = "1 to 128 of A-Z a-z 0-9 . _ @ -." };

    private static Option<string?> PasswordFile() => new("--new-password-file") { Description = "The new password's file. Left out: asked for, or a line of standard input.", HelpName = "FILE" };

    private static Option<IReadOnlyList<string>?> Teams() =>
        Options.Of<IReadOnlyList<string>?>("--teams", "Teams, replacing those it has; '' for none.", "NAME,…", text => text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries));
}
