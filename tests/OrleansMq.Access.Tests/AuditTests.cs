using System.Text.Json;
using OrleansMq.Conformance.Broker;

namespace OrleansMq.Access.Tests;

/// <summary>The trail of refusals and of what administrators do.</summary>
public sealed class AuditTests
{
    [Fact]
    public async Task RefusalsLoginsAndAdministrationAreMessagesOfATopicOfTheirOwn()
    {
        await using var broker = await EmbeddedBroker.InMemory();
        await using (var trail = new AuditTrail(broker))
        {
            await using var control = await AccessControl.Start(new MemoryStore(), new AccessControlOptions { AdminPassword = Some.AdminPassword, LookEvery = Timeout.InfiniteTimeSpan, OnAudit = trail.Add });
            var admin = control.As(broker, Some.Admin with { Address = "10.0.0.1" });
            await admin.Access.PutUser("anna", new UserChange { Password = Some.Password });
            await admin.PutTopic("t", new TopicChange());
            await Assert.ThrowsAsync<MqException>(async () => await control.As(broker, Some.Anna).DeleteTopic("t"));
            control.LoginFailed("mallory", "10.0.0.9", "http basic");
        }

        Assert.Equal(
            ["admin@10.0.0.1 createUser user anna: done", "admin@10.0.0.1 createTopic topic t: done", "anna@ delete topic t: refused", "mallory@10.0.0.9 login http basic: refused"],
            await Trail(broker));
    }

    [Fact]
    public async Task WebhooksAreTheOperatorsAndTheTrailHasOfTheirAddressTheHostAlone()
    {
        await using var broker = await EmbeddedBroker.InMemory();
        broker.Webhooks = new SilentWebhooks();
        await using (var trail = new AuditTrail(broker))
        {
            await using var control = await AccessControl.Start(new MemoryStore(), new AccessControlOptions { AdminPassword = Some.AdminPassword, LookEvery = Timeout.InfiniteTimeSpan, OnAudit = trail.Add });
            await control.Directory.PutUser("ann", new UserChange { Password = Some.Password, Tenant = "acme" });
            await control.Directory.AddRule(Some.Rule(AccessOperations.Admin, ResourceKind.Cluster, "", who: "ann"));
            var admin = control.As(broker, Some.Admin).Webhooks;
            await admin.PutWebhook("t", "g", new WebhookChange { Url = new("https://hooks.example.com/a-token"), Secrets = Change<IReadOnlyList<string>>.To(["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]) });
            await admin.TestWebhook("t", "g");
            await admin.RemoveWebhook("t", "g");
            Assert.Equal(ErrorCodes.Forbidden, (await Assert.ThrowsAsync<MqException>(async () => await control.As(broker, new Principal("ann")).Webhooks.ListWebhooks())).Code);
        }

        Assert.Equal(
            ["admin@ createWebhook webhook t/g at hooks.example.com: done", "admin@ testWebhook webhook t/g: done", "admin@ removeWebhook webhook t/g: done", "ann@ admin cluster: refused"],
            await Trail(broker));
    }

    [Fact]
    public async Task WhatConcernsATenantIsInItsOwnTrailTooWhichNobodyOfItWrites()
    {
        await using var broker = await EmbeddedBroker.InMemory();
        await using var control = await AccessControl.Start(new MemoryStore(), new AccessControlOptions { AdminPassword = Some.AdminPassword, LookEvery = Timeout.InfiniteTimeSpan });
        await using (var trail = new AuditTrail(broker))
        {
            await using var audited = await AccessControl.Start(new MemoryStore(), new AccessControlOptions { AdminPassword = Some.AdminPassword, LookEvery = Timeout.InfiniteTimeSpan, OnAudit = trail.Add });
            await Tenants(audited);
            await audited.As(broker, new Principal("ann")).PutTopic("orders", new TopicChange());
            await Assert.ThrowsAsync<MqException>(async () => await audited.As(broker, new Principal("amy")).DeleteTopic("orders"));
            await audited.As(broker, new Principal("bob")).PutTopic("orders", new TopicChange());
        }
        await Tenants(control);
        var ann = control.As(broker, new Principal("ann"));

        Assert.Equal(["ann@ createTopic topic orders: done", "amy@ delete topic orders: refused"], await Trail(ann));
        Assert.Equal(["bob@ createTopic topic orders: done"], await Trail(control.As(broker, new Principal("bob"))));
        Assert.Equal(["ann@ createTopic topic orders: done", "amy@ delete topic orders: refused", "bob@ createTopic topic orders: done"], await Trail(broker));
        foreach (var call in new Func<Task>[]
        {
            async () => await ann.Publish(AuditTrail.TopicName, [Message.OfText("nothing happened")]), async () => await ann.PutTopic(AuditTrail.TopicName, new TopicChange()),
            async () => await ann.DeleteTopic(AuditTrail.TopicName), async () => await ann.DeleteBefore(AuditTrail.TopicName, 0, 1),
            async () => await control.As(broker, new Principal("amy")).DescribeTopic(AuditTrail.TopicName),
        })
            Assert.Equal(ErrorCodes.Forbidden, (await Assert.ThrowsAsync<MqException>(call)).Code);

        static async Task Tenants(AccessControl control)
        {
            foreach (var (user, tenant) in new[] { ("ann", "acme"), ("amy", "acme"), ("bob", "bolt") })
                await control.Directory.PutUser(user, new UserChange { Password = Some.Password, Tenant = tenant });
            foreach (var user in new[] { "ann", "bob" })
                await control.Directory.AddRule(Some.Rule(AccessOperations.Admin, ResourceKind.Cluster, "", who: user));
        }
    }

    [Fact]
    public async Task AFloodIsCountedAndTakesNeitherMemoryNorTheCallersTime()
    {
        await using var broker = await EmbeddedBroker.InMemory();
        var held = new TaskCompletionSource();
        var slow = Proxy<IBroker>.Of(broker, (name, result) => name == nameof(IBroker.PutTopic) ? new ValueTask<TopicDescription>(After(held.Task, (ValueTask<TopicDescription>)result!)) : result);
        await using (var trail = new AuditTrail(slow))
        {
            for (var i = 0; i < AuditTrail.MaxWaiting * 2; i++)
                trail.Add(Some.Anna, "produce", "topic t", refused: true);
            held.SetResult();
        }

        var lines = await Trail(broker);
        Assert.Single(lines, line => line.StartsWith("lost ", StringComparison.Ordinal));
        Assert.InRange(lines.Count, AuditTrail.MaxWaiting, AuditTrail.MaxWaiting + 300);
    }

    [Fact]
    public async Task NoPatternOpensTheTrailAndNobodyButAnAdministratorWritesIt()
    {
        await using var broker = await EmbeddedBroker.InMemory();
        await using var control = await Some.ControlWithAnna();
        foreach (var operation in Enum.GetValues<AccessOperations>().Where(one => one is not (AccessOperations.None or AccessOperations.Admin)))
            await control.Directory.AddRule(Some.Rule(operation, ResourceKind.Topic, "*", ResourceMatch.Pattern));
        var annas = control.As(broker, Some.Anna);
        Assert.True(annas.May(AccessOperations.Produce, ResourceKind.Topic, "t"));
        Assert.False(annas.May((AccessOperations)255, ResourceKind.Topic, AuditTrail.TopicName));

        await control.Directory.AddRule(Some.Rule(AccessOperations.Browse | AccessOperations.Produce | AccessOperations.Delete, ResourceKind.Topic, AuditTrail.TopicName));

        Assert.True(annas.May(AccessOperations.Browse, ResourceKind.Topic, AuditTrail.TopicName));
        Assert.False(annas.May(AccessOperations.Produce | AccessOperations.Delete | AccessOperations.Alter, ResourceKind.Topic, AuditTrail.TopicName));
    }

    private static async Task<TopicDescription> After(Task first, ValueTask<TopicDescription> then)
    {
        await first;
        return await then;
    }

    private static async Task<IReadOnlyList<string>> Trail(IBroker broker)
    {
        return [.. (await broker.ReadAll(AuditTrail.TopicName)).Select(message =>
        {
            var one = JsonDocument.Parse(message.Body).RootElement;
            return one.TryGetProperty("lost", out var lost) ? $"lost {lost}" : $"{one.GetProperty("who")}@{one.GetProperty("from")} {one.GetProperty("what")} {one.GetProperty("on")}: {one.GetProperty("outcome")}";
        })];
    }
}
