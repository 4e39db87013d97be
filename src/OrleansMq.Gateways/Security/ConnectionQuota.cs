using System.Net;
using Microsoft.AspNetCore.Connections;
using OrleansMq.Access;

namespace OrleansMq.Gateways;

/// <summary>Turns away connections of an address that has as many as it may, before a byte of them is read.</summary>
public static class ConnectionQuota
{
    public static Func<ConnectionDelegate, ConnectionDelegate> Before(AccessControl access) => next => async connection =>
    {
        var address = PeerAddress.Of((connection.RemoteEndPoint as IPEndPoint)?.Address);
        if (!access.Quotas.TryConnect(address))
        {
            connection.Abort(new ConnectionAbortedException($"The quota connections of address {address} is reached."));
            return;
        }
        var seat = new TenantSeat(access.Quotas);
        connection.Features.Set(seat);
        try
        {
            await next(connection);
        }
        finally
        {
            seat.GiveBack();
            access.Quotas.Disconnect(address);
        }
    };
}
