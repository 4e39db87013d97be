using Microsoft.AspNetCore.Http;
using System.Globalization;
using OrleansMq.Json;

namespace OrleansMq.Gateways.Http;

/// <summary>Users and rules, for administrators.</summary>
internal static class AccessCalls
{
    private const string Users = "/v1/access/users";
    private const string Rules = "/v1/access/rules";
    private const string Quotas = "/v1/access/quotas";

    public static IEnumerable<HttpRoute> Routes =>
    [
        new("PUT", Users + "/{user}", "putUser", "Make a user, or change it.", PutUser)
        {
            Body = BodyKind.Json, Changes = true, RequestSchema = "UserChange", AnswerSchema = "User", Statuses = [200, 201],
        },
        new("DELETE", Users + "/{user}", "deleteUser", "Delete a user and the rules that are for it alone.", DeleteUser) { Changes = true, Statuses = [204] },
        new("GET", Users, "listUsers", "All users.", ListUsers) { AnswerSchema = "Users" },
        new("POST", Rules, "addRule", "Allow somebody something.", AddRule) { Body = BodyKind.Json, Changes = true, RequestSchema = "Rule", AnswerSchema = "Rule" },
        new("DELETE", Rules + "/{id}", "removeRule", "Take a rule away.", RemoveRule) { Changes = true, Statuses = [204] },
        new("PUT", Quotas, "setQuota", "Set a quota, or take it away.", SetQuota) { Body = BodyKind.Json, Changes = true, RequestSchema = "QuotaChange", Statuses = [204] },
        new("GET", Quotas, "listQuotas", "All quotas.", ListQuotas) { AnswerSchema = "Quotas" },
        new("GET", Rules, "listRules", "All rules.", ListRules) { AnswerSchema = "Rules" },
    ];

    private static async ValueTask PutUser(HttpCall call)
    {
        var user = await Directory(call).PutUser(call.User, call.Read(AccessJson.ReadUserChange), call.Cancel);
        await call.Answer(writer => AccessJson.WriteUser(writer, user), user.Created ? StatusCodes.Status201Created : StatusCodes.Status200OK);
    }

    private static async ValueTask DeleteUser(HttpCall call)
    {
        await Directory(call).DeleteUser(call.User, call.Cancel);
        call.AnswerNoContent();
    }

    private static async ValueTask ListUsers(HttpCall call)
    {
        var users = await Directory(call).ListUsers(call.Cancel);
        await call.Answer(writer => AccessJson.WriteAll(writer, "users", users, AccessJson.WriteUser));
    }

    private static async ValueTask AddRule(HttpCall call)
    {
        var rule = await Directory(call).AddRule(call.Read(AccessJson.ReadRule), call.Cancel);
        await call.Answer(writer => AccessJson.WriteRule(writer, rule));
    }

    private static async ValueTask RemoveRule(HttpCall call)
    {
        if (!long.TryParse(call.Id, NumberStyles.None, CultureInfo.InvariantCulture, out var id))
            throw new MqException(ErrorCodes.Malformed, "A rule's id is a whole number.");
        await Directory(call).RemoveRule(id, call.Cancel);
        call.AnswerNoContent();
    }

    private static async ValueTask ListRules(HttpCall call)
    {
        var rules = await Directory(call).ListRules(call.Cancel);
        await call.Answer(writer => AccessJson.WriteAll(writer, "rules", rules, AccessJson.WriteRule));
    }

    private static async ValueTask SetQuota(HttpCall call)
    {
        var (scope, who, kind, limit) = call.Read(AccessJson.ReadQuotaChange);
        await Directory(call).SetQuota(scope, who, kind, limit, call.Cancel);
        call.AnswerNoContent();
    }

    private static async ValueTask ListQuotas(HttpCall call)
    {
        var quotas = await Directory(call).ListQuotas(call.Cancel);
        await call.Answer(writer => AccessJson.WriteAll(writer, "quotas", quotas, AccessJson.WriteQuota));
    }

    private static IAccessDirectory Directory(HttpCall call) =>
        call.Broker.Access ?? throw new MqException(ErrorCodes.NotAvailable, "This broker asks nobody who they are: it was started without --access on.");
}
