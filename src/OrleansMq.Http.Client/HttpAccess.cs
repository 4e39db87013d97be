using System.Globalization;
using System.Net;
using OrleansMq.Json;

namespace OrleansMq;

/// <summary>Users and rules over HTTP.</summary>
internal sealed class HttpAccess(HttpTransport transport) : IAccessDirectory
{
    private const string Users = "/v1/access/users";
    private const string Rules = "/v1/access/rules";
    private const string Quotas = "/v1/access/quotas";

    public async ValueTask<UserDescription> PutUser(string user, UserChange change, CancellationToken cancel = default)
    {
        var ask = new HttpAsk(HttpMethod.Put, PathOf(user), HttpTransport.JsonBody(writer => AccessJson.WriteUserChange(writer, change)), Changes: true);
        var answer = await transport.Send(ask, cancel);
        return HttpTransport.ReadJson(ask, answer, AccessJson.ReadUser) with { Created = answer.Status == HttpStatusCode.Created };
    }

    public async ValueTask DeleteUser(string user, CancellationToken cancel = default) =>
        await transport.Send(new HttpAsk(HttpMethod.Delete, PathOf(user), Changes: true), cancel);

    public ValueTask<IReadOnlyList<UserDescription>> ListUsers(CancellationToken cancel = default) =>
        transport.Send(new HttpAsk(HttpMethod.Get, Users), spot => AccessJson.ReadAll(spot, "users", AccessJson.ReadUser), cancel);

    public ValueTask<AccessRule> AddRule(AccessRule rule, CancellationToken cancel = default) =>
        transport.Send(new HttpAsk(HttpMethod.Post, Rules, HttpTransport.JsonBody(writer => AccessJson.WriteRule(writer, rule)), Changes: true), AccessJson.ReadRule, cancel);

    public async ValueTask RemoveRule(long id, CancellationToken cancel = default) =>
        await transport.Send(new HttpAsk(HttpMethod.Delete, string.Create(CultureInfo.InvariantCulture, $"{Rules}/{id}"), Changes: true), cancel);

    public ValueTask<IReadOnlyList<AccessRule>> ListRules(CancellationToken cancel = default) =>
        transport.Send(new HttpAsk(HttpMethod.Get, Rules), spot => AccessJson.ReadAll(spot, "rules", AccessJson.ReadRule), cancel);

    public async ValueTask SetQuota(QuotaScope scope, string who, QuotaKind kind, long? limit, CancellationToken cancel = default) =>
        await transport.Send(new HttpAsk(HttpMethod.Put, Quotas, HttpTransport.JsonBody(writer => AccessJson.WriteQuotaChange(writer, scope, who, kind, limit)), Changes: true), cancel);

    public ValueTask<IReadOnlyList<Quota>> ListQuotas(CancellationToken cancel = default) =>
        transport.Send(new HttpAsk(HttpMethod.Get, Quotas), spot => AccessJson.ReadAll(spot, "quotas", AccessJson.ReadQuota), cancel);

    private static string PathOf(string user) => $"{Users}/{Uri.EscapeDataString(UserNameRule.Check(user, "user"))}";
}
