namespace OrleansMq.Access.Tests;

public sealed class DirectoryTests
{
    [Fact]
    public async Task NothingStartsWhileNobodyMayAdminister()
    {
        var refusal = await Assert.ThrowsAsync<MqException>(async () => await AccessControl.Start(new MemoryStore()));

        Assert.Equal(ErrorCodes.Conflict, refusal.Code);
    }

    [Fact]
    public async Task TheFirstAdministratorIsMadeFromThePasswordGivenAndIsThereAtTheNextStart()
    {
        var store = new MemoryStore();
        await using (await Some.Control(store))
        {
        }

        await using var again = await AccessControl.Start(store);

        Assert.NotNull(await again.CheckPassword(AccessControl.AdminName, Some.AdminPassword));
        Assert.Null(await again.CheckPassword(AccessControl.AdminName, "another password"));
    }

    [Fact]
    public async Task APasswordIsNowhereInWhatIsStoredOrPrinted()
    {
        var store = new MemoryStore();
        await using var control = await Some.ControlWithAnna(store);

        Assert.DoesNotContain(Some.Password, store.Text, StringComparison.Ordinal);
        Assert.DoesNotContain(Some.Password, new UserChange { Password = Some.Password }.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain(Some.AdminPassword, new AccessControlOptions { AdminPassword = Some.AdminPassword }.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain(Some.Password, HttpCredential.OfPassword("anna", Some.Password).ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain("QQ", control.FindSecret(ScramMechanism.Sha256, "anna").ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task AWrongNameCostsTheSameDerivationAsAWrongPassword()
    {
        await using var control = await Some.ControlWithAnna();

        var before = control.Derivations;
        Assert.Null(await control.CheckPassword("anna", "wrong password"));
        var forWrongPassword = control.Derivations - before;
        Assert.Null(await control.CheckPassword("nobody", "wrong password"));
        var forWrongName = control.Derivations - before - forWrongPassword;

        Assert.Equal((1, 1), (forWrongPassword, forWrongName));
    }

    [Fact]
    public async Task ARightPasswordIsDerivedOnceAndNotAgainUntilItChanges()
    {
        await using var control = await Some.ControlWithAnna();
        Assert.NotNull(await control.CheckPassword("anna", Some.Password));
        var before = control.Derivations;

        Assert.NotNull(await control.CheckPassword("anna", Some.Password));
        Assert.Equal(before, control.Derivations);

        await control.Directory.PutUser("anna", new UserChange { Password = "quite another one" });
        Assert.Null(await control.CheckPassword("anna", Some.Password));
        Assert.NotNull(await control.CheckPassword("anna", "quite another one"));
    }

    [Fact]
    public async Task ADisabledUserIsKeptOutAndItsOpenConnectionsMayDoNothing()
    {
        await using var control = await Some.ControlWithAnna();
        await control.Directory.AddRule(Some.Rule(AccessOperations.Produce, ResourceKind.Topic, "t"));
        await using var broker = await EmbeddedBroker.InMemory();
        var annas = control.As(broker, Some.Anna);
        Assert.True(annas.May(AccessOperations.Produce, ResourceKind.Topic, "t"));

        await control.Directory.PutUser("anna", new UserChange { Disabled = true });

        Assert.False(annas.May(AccessOperations.Produce, ResourceKind.Topic, "t"));
        Assert.Null(await control.CheckPassword("anna", Some.Password));
    }

    [Fact]
    public async Task TheLastAdministratorStays()
    {
        await using var control = await Some.Control();

        foreach (var call in new Func<Task>[]
        {
            async () => await control.Directory.DeleteUser(AccessControl.AdminName),
            async () => await control.Directory.RemoveRule(control.State.Rules.Single().Id),
            async () => await control.Directory.PutUser(AccessControl.AdminName, new UserChange { Disabled = true }),
        })
            Assert.Equal(ErrorCodes.Conflict, (await Assert.ThrowsAsync<MqException>(call)).Code);
        Assert.True(control.State.HasAdmin);
    }

    [Fact]
    public async Task ARuleOfOneNodeCountsOnTheOtherWhenItLooks()
    {
        var store = new MemoryStore();
        await using var one = await Some.ControlWithAnna(store);
        await using var other = await AccessControl.Start(store, new AccessControlOptions { LookEvery = Timeout.InfiniteTimeSpan });
        await using var broker = await EmbeddedBroker.InMemory();
        var annas = other.As(broker, Some.Anna);

        await one.Directory.AddRule(Some.Rule(AccessOperations.Produce, ResourceKind.Topic, "t"));
        Assert.False(annas.May(AccessOperations.Produce, ResourceKind.Topic, "t"));
        await other.LookAgain();

        Assert.True(annas.May(AccessOperations.Produce, ResourceKind.Topic, "t"));
    }

    [Fact]
    public async Task AStoreThatFailsLeavesTheRulesAsTheyWereAndSaysSo()
    {
        var store = new MemoryStore();
        var reports = new List<string>();
        await using var control = await AccessControl.Start(
            store, new AccessControlOptions { AdminPassword = Some.AdminPassword, LookEvery = Timeout.InfiniteTimeSpan, OnReport = reports.Add });

        store.Fails = new IOException("the disk is away");
        await control.LookAgain();

        Assert.NotNull(await control.CheckPassword(AccessControl.AdminName, Some.AdminPassword));
        Assert.Contains("the disk is away", Assert.Single(reports), StringComparison.Ordinal);
    }

    [Fact]
    public async Task TheSameRuleIsNotAddedTwiceAndAnIdIsNeverGivenAgain()
    {
        await using var control = await Some.ControlWithAnna();
        var rule = Some.Rule(AccessOperations.Produce, ResourceKind.Topic, "t");

        var first = await control.Directory.AddRule(rule);
        Assert.Equal(first, await control.Directory.AddRule(rule));
        await control.Directory.RemoveRule(first.Id);

        Assert.True((await control.Directory.AddRule(rule)).Id > first.Id);
    }

    [Theory]
    [InlineData(AccessOperations.Admin, ResourceKind.Topic, ResourceMatch.Literal, "t")]
    [InlineData(AccessOperations.Produce, ResourceKind.Cluster, ResourceMatch.Literal, "")]
    [InlineData(AccessOperations.None, ResourceKind.Topic, ResourceMatch.Literal, "t")]
    [InlineData(AccessOperations.Produce, ResourceKind.Topic, ResourceMatch.Literal, "")]
    [InlineData(AccessOperations.Produce, ResourceKind.Topic, ResourceMatch.Prefix, "")]
    [InlineData(AccessOperations.Produce, ResourceKind.Topic, ResourceMatch.Literal, "t*")]
    public async Task ARuleThatCanBeOnlyASlipIsRefused(AccessOperations allow, ResourceKind kind, ResourceMatch match, string name)
    {
        await using var control = await Some.ControlWithAnna();

        Assert.Equal(ErrorCodes.Malformed, (await Assert.ThrowsAsync<MqException>(async () => await control.Directory.AddRule(Some.Rule(allow, kind, name, match)))).Code);
    }

    [Theory]
    [InlineData("short")]
    [InlineData("with a\nline break")]
    public async Task APasswordThatIsNoneIsRefused(string password)
    {
        await using var control = await Some.Control();

        Assert.Equal(ErrorCodes.Malformed, (await Assert.ThrowsAsync<MqException>(async () => await control.Directory.PutUser("anna", new UserChange { Password = password }))).Code);
    }

    [Fact]
    public async Task AFileThatOthersMayOpenIsNotRead()
    {
        var folder = Directory.CreateTempSubdirectory("orleansmq-access-");
        try
        {
            var path = Path.Combine(folder.FullName, "users.json");
            await using (var written = await AccessControl.Start(new FileAccessStore(path, readOnly: false), new AccessControlOptions { AdminPassword = Some.AdminPassword }))
                Assert.NotNull(await written.CheckPassword(AccessControl.AdminName, Some.AdminPassword));
            if (!OperatingSystem.IsWindows())
                Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(path));

            await using (var read = await AccessControl.Start(new FileAccessStore(path)))
                Assert.Equal(ErrorCodes.Conflict, (await Assert.ThrowsAsync<MqException>(async () => await read.Directory.DeleteUser("admin"))).Code);

            if (OperatingSystem.IsWindows())
                return;
            File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.GroupRead);
            Assert.Contains("chmod 600", (await Assert.ThrowsAsync<IOException>(async () => await AccessControl.Start(new FileAccessStore(path)))).Message, StringComparison.Ordinal);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public void WhatAnOlderProgramDoesNotKnowStopsIt()
    {
        var text = System.Text.Encoding.UTF8.GetString(AccessDocument.Write(new AccessState()));

        Assert.Throws<MqException>(() => AccessDocument.Read(System.Text.Encoding.UTF8.GetBytes(text.Replace("\"version\": 1", "\"version\": 2", StringComparison.Ordinal))));
        Assert.Throws<MqException>(() => AccessDocument.Read(System.Text.Encoding.UTF8.GetBytes(text.Replace("\"users\"", "\"tenants\": [], \"users\"", StringComparison.Ordinal))));
        Assert.Throws<MqException>(() => AccessDocument.Read("[]"u8.ToArray()));
    }
}
