using OrleansMq.Access;
using OrleansMq.Conformance.Broker;

namespace OrleansMq.Cli.Tests;

/// <summary>Users and rules in a file, without a broker.</summary>
public sealed class AccessTests : IDisposable
{
    private static readonly IBroker NoBroker = BrokerProxy.Failing(new InvalidOperationException("A file needs no broker."));
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("mq-access-");

    private string Users => Path.Combine(_folder.FullName, "users.json");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public async Task AFileOfUsersAndRulesIsOneThatABrokerStartsOn()
    {
        Assert.Equal(0, (await Mq.RunWith(NoBroker, "the admin's own\n", "user", "add", "root", "--file", Users)).Code);
        Assert.Equal(0, (await Mq.RunWith(NoBroker, "correct horse\n", "user", "add", "anna", "--teams", "press,ops", "--file", Users)).Code);
        await Mq.Ok(NoBroker, "acl", "add", "--user", "root", "--allow", "admin", "--cluster", "--file", Users);
        await Mq.Ok(NoBroker, "acl", "add", "--team", "press", "--allow", "consume,browse", "--topic", "orders.*", "--group", "press-*", "--file", Users);

        Assert.Equal(["anna\tops,press\tenabled\t-", "root\t\tenabled\t-"], (await Mq.Ok(NoBroker, "user", "list", "--file", Users)).Lines.Select(line => line.Replace("press,ops", "ops,press", StringComparison.Ordinal)));
        Assert.Equal(3, (await Mq.Ok(NoBroker, "acl", "list", "--file", Users)).Lines.Length);
        await using var control = await AccessControl.Start(new FileAccessStore(Users));
        Assert.NotNull(await control.CheckPassword("anna", "correct horse"));
        Assert.DoesNotContain("correct horse", await File.ReadAllTextAsync(Users), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("short", "user", "add", "anna")]
    [InlineData("correct horse", "user", "add", "an:na")]
    [InlineData("correct horse", "user", "passwd", "nobody", "--new-password-file", "/nowhere")]
    [InlineData("", "acl", "add", "--user", "a", "--team", "b", "--allow", "produce", "--topic", "t")]
    [InlineData("", "acl", "add", "--user", "a", "--allow", "produce")]
    [InlineData("", "acl", "add", "--user", "a", "--allow", "everything", "--topic", "t")]
    [InlineData("", "acl", "add", "--user", "a", "--allow", "produce", "--cluster")]
    [InlineData("", "acl", "rm", "7")]
    public async Task WhatCanNotBeIsRefusedAndTheFileStays(string stdin, params string[] arguments)
    {
        var run = await Mq.RunWith(NoBroker, stdin, [.. arguments, "--file", Users]);

        Assert.NotEqual(0, run.Code);
        Assert.False(File.Exists(Users));
        Assert.NotEmpty(run.Error);
    }

    [Fact]
    public async Task AUserThatExistsIsNotMadeAnew()
    {
        Assert.Equal(0, (await Mq.RunWith(NoBroker, "correct horse\n", "user", "add", "anna", "--file", Users)).Code);

        var run = await Mq.RunWith(NoBroker, "another horse\n", "user", "add", "anna", "--file", Users);

        Assert.Equal(ExitCode.Refused, run.Code);
        Assert.Contains("name-taken", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ALoginWithoutAPasswordIsWrongUsageBeforeAnythingIsSent()
    {
        var run = await Mq.Run(NoBroker, "topic", "list", "--login", "anna");

        Assert.Equal(ExitCode.Usage, run.Code);
        Assert.Contains("--password-file", run.Error, StringComparison.Ordinal);
    }
}
