package dev.chancery.server;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.chancery.core.CrlName;
import dev.chancery.core.CrlScope;
import dev.chancery.core.IssuerId;
import dev.chancery.core.Reason;
import dev.chancery.core.Refused;
import dev.chancery.crl.CrlPublisher;
import dev.chancery.crl.CrlShelf;
import dev.chancery.crl.PublicCrls;
import dev.chancery.crl.SeenCrl;
import dev.chancery.store.IssuerRegistry;
import dev.chancery.store.JooqCrlLedger;
import io.javalin.config.JavalinConfig;
import io.javalin.http.Context;
import java.io.IOException;
import java.math.BigInteger;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** The part of the administrators' API that is about CRLs. */
final class CrlApi {
  private static final int LONGEST_NAME = 100;

  private final PublicCrls crls;
  private final CrlPublisher publisher;
  private final IssuerRegistry registry;
  private final JooqCrlLedger ledger;

  CrlApi(PublicCrls crls, CrlPublisher publisher, IssuerRegistry registry, JooqCrlLedger ledger) {
    this.crls = crls;
    this.publisher = publisher;
    this.registry = registry;
    this.ledger = ledger;
  }

  void routes(JavalinConfig config) {
    config.routes.get("/admin/v1/crls", this::list);
    config.routes.get("/admin/v1/crls/seen", this::seen);
    config.routes.post("/admin/v1/crls/rebuild", this::rebuild);
  }

  private void list(Context context) {
    ArrayNode list = JsonNodeFactory.instance.arrayNode();
    for (CrlName name : crls.names()) {
      describe(list.addObject(), name);
    }
    for (IssuerId root : registry.all()) {
      if (RootNames.isRoot(root)) {
        // Whoever writes the next plan has to know, for it is made where there is no database.
        BigInteger next = ledger.usedNumber(root).add(BigInteger.ONE);
        ObjectNode row = list.addObject().put("nextNumber", next.toString());
        describe(row, CrlName.complete(CrlScope.unsharded(root)));
      }
    }
    context.contentType("application/json").result(list.toString());
  }

  private void describe(ObjectNode row, CrlName name) {
    row.put("name", name.path());
    Optional<CrlShelf.Copy> copy = crls.published(name);
    if (copy.isPresent()) {
      row.put("number", copy.get().number().toString())
          .put("thisUpdate", copy.get().thisUpdate().toString())
          .put("nextUpdate", copy.get().nextUpdate().toString())
          .put("octets", copy.get().length());
      copy.get().base().ifPresent(base -> row.put("base", base.toString()));
    }
    crls.url(name).ifPresent(url -> row.put("url", url.toString()));
  }

  private void seen(Context context) throws Refused, InterruptedException {
    ArrayNode list = JsonNodeFactory.instance.arrayNode();
    for (CrlName name : named(Optional.ofNullable(context.queryParam("name")))) {
      List<PublicCrls.Look> looks = crls.look(name, Set.of());
      if (looks.isEmpty()) {
        list.addObject()
            .put("name", name.path())
            .put("verified", false)
            .put("usable", false)
            .put("problem", "no certificate names a URL of it");
      }
      // The one that new certificates name comes first.
      looks.reversed().forEach(look -> describe(list.addObject().put("name", name.path()), look));
    }
    context.contentType("application/json").result(list.toString());
  }

  private static void describe(ObjectNode row, PublicCrls.Look look) {
    row.put("url", look.url().toString());
    switch (look) {
      case PublicCrls.Look.Seen(var url, SeenCrl crl, boolean newest, Optional<String> problem) -> {
        row.put("verified", crl.verified())
            .put("usable", problem.isEmpty())
            .put("newest", newest)
            .put("number", crl.number().toString())
            .put("thisUpdate", crl.thisUpdate().toString())
            .put("nextUpdate", crl.nextUpdate().toString())
            .put("entries", crl.entries())
            .put("octets", crl.octets())
            .put("sha256", crl.sha256());
        problem.ifPresent(why -> row.put("problem", why));
        crl.base().ifPresent(base -> row.put("base", base.toString()));
        crl.freshest().ifPresent(freshest -> row.put("freshest", freshest));
        ArrayNode point = row.putArray("distributionPoint");
        crl.distributionPoint().forEach(point::add);
      }
      case PublicCrls.Look.Unusable(var url, String why) ->
          row.put("verified", false).put("usable", false).put("problem", why);
    }
  }

  private void rebuild(Context context) throws Refused, IOException {
    JsonBody body = JsonBody.of(context, Set.of("name"));
    ArrayNode list = JsonNodeFactory.instance.arrayNode();
    for (CrlName name : named(body.text("name", LONGEST_NAME))) {
      if (!name.delta()) {
        publisher.requestPublish(name.scope());
        list.addObject().put("name", name.path());
      }
    }
    context.contentType("application/json").result(list.toString());
  }

  /** The list that was named; all of them when none was. */
  private List<CrlName> named(Optional<String> path) throws Refused {
    if (path.isEmpty()) {
      return crls.names();
    }
    return CrlName.ofPath(path.get())
        .filter(name -> crls.names().contains(name))
        .map(List::of)
        .orElseThrow(() -> new Refused(Reason.NOT_FOUND, "there is no such CRL here"));
  }
}
