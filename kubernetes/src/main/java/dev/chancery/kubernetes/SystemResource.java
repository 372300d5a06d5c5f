package dev.chancery.kubernetes;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.chancery.core.IssuerId;
import java.time.Clock;

/**
 * Tells whether this server can sign, in Vault's words: a token that does not answer is a seal.
 * Clients keep to a login that they try again while it lasts.
 */
final class SystemResource {
  /** What this API is like, not what it is; some clients will not talk to one without it. */
  private static final String VERSION = "1.12.0";

  private final Readiness readiness;
  private final IssuerId standard;
  private final Clock clock;

  SystemResource(Readiness readiness, IssuerId standard, Clock clock) {
    this.readiness = readiness;
    this.standard = standard;
    this.clock = clock;
  }

  Reply health() {
    boolean sealed = !readiness.isReady(standard);
    ObjectNode body = JsonNodeFactory.instance.objectNode();
    body.put("initialized", true)
        .put("sealed", sealed)
        .put("standby", false)
        .put("performance_standby", false)
        .put("replication_performance_mode", "disabled")
        .put("replication_dr_mode", "disabled")
        .put("server_time_utc", clock.instant().getEpochSecond())
        .put("version", VERSION)
        .put("cluster_name", "chancery");
    return Reply.json(sealed ? 503 : 200, body);
  }

  Reply sealStatus() {
    ObjectNode body = JsonNodeFactory.instance.objectNode();
    body.put("type", "pkcs11")
        .put("initialized", true)
        .put("sealed", !readiness.isReady(standard))
        .put("t", 1)
        .put("n", 1)
        .put("progress", 0)
        .put("nonce", "")
        .put("version", VERSION)
        .put("cluster_name", "chancery")
        .put("recovery_seal", false)
        .put("storage_type", "sql");
    return Reply.json(200, body);
  }
}
