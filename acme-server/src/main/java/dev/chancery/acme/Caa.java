package dev.chancery.acme;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.xbill.DNS.CAARecord;
import org.xbill.DNS.Name;
import org.xbill.DNS.Record;
import org.xbill.DNS.TextParseException;
import org.xbill.DNS.Type;

/**
 * Looks up what the holders of domains say about who may certify their names (RFC 8659 section 3):
 * at the name, then at each domain above it, up to the first that has CAA records.
 */
final class Caa {
  private final Dns dns;

  Caa(Dns dns) {
    this.dns = dns;
  }

  /** What came of a question. */
  sealed interface Finding {
    /**
     * Nothing stands against it.
     *
     * @param seen what says so
     */
    record Permitted(String seen) implements Finding {}

    record Forbidden(String why) implements Finding {}

    /** DNS gave no answer, so that nothing must be issued, and the question can be asked again. */
    record Unknown(String why) implements Finding {}
  }

  /** Answers all questions, in their order, each domain being looked up once. */
  Map<CaaRecords.Question, Finding> ask(List<CaaRecords.Question> questions, Deadline deadline) {
    Map<CaaRecords.Question, Finding> findings = new LinkedHashMap<>();
    Map<CaaRecords.Question, Name> open = new LinkedHashMap<>();
    for (CaaRecords.Question question : questions) {
      open.put(question, absolute(question.name().base().value()));
    }
    Map<Name, Dns.Answer> known = new HashMap<>();
    while (!open.isEmpty()) {
      lookUp(new ArrayList<>(open.values()), known, deadline);
      Iterator<Map.Entry<CaaRecords.Question, Name>> left = open.entrySet().iterator();
      while (left.hasNext()) {
        Map.Entry<CaaRecords.Question, Name> one = left.next();
        CaaRecords.Question question = one.getKey();
        String domain = one.getValue().toString(true);
        switch (Objects.requireNonNull(known.get(one.getValue()))) {
          case Dns.Answer.Found(List<Record> records) -> {
            findings.put(question, judge(question, domain, records));
            left.remove();
          }
          case Dns.Answer.NoSuchName none -> climb(one, left, findings);
          case Dns.Answer.NoSuchRecord none -> climb(one, left, findings);
          case Dns.Answer.Astray(String why) -> {
            findings.put(question, unknown(domain, why));
            left.remove();
          }
          case Dns.Answer.Outage(String why) -> {
            findings.put(question, unknown(domain, why));
            left.remove();
          }
        }
      }
    }
    return findings;
  }

  private void lookUp(List<Name> domains, Map<Name, Dns.Answer> known, Deadline deadline) {
    Map<Name, Dns.Question> asked = new LinkedHashMap<>();
    for (Name domain : domains) {
      if (!known.containsKey(domain) && !asked.containsKey(domain)) {
        asked.put(domain, dns.ask(domain, Type.CAA, deadline));
      }
    }
    asked.forEach((domain, question) -> known.put(domain, question.await()));
  }

  /** To the domain above; the root itself is not asked. */
  private static void climb(
      Map.Entry<CaaRecords.Question, Name> one,
      Iterator<Map.Entry<CaaRecords.Question, Name>> left,
      Map<CaaRecords.Question, Finding> findings) {
    Name above = new Name(one.getValue(), 1);
    if (above.equals(Name.root)) {
      findings.put(one.getKey(), new Finding.Permitted("no CAA records"));
      left.remove();
    } else {
      one.setValue(above);
    }
  }

  private static Finding judge(CaaRecords.Question question, String domain, List<Record> records) {
    CaaRecords found =
        new CaaRecords(
            domain,
            records.stream()
                .filter(CAARecord.class::isInstance)
                .map(CAARecord.class::cast)
                .map(CaaProperty::of)
                .toList());
    return found
        .objection(question)
        .<Finding>map(why ->
            new Finding.Forbidden(
                "the CAA records of "
                    + domain
                    + " forbid a certificate for "
                    + question.name().value()
                    + " here: "
                    + why))
        .orElseGet(() -> new Finding.Permitted("CAA of " + domain + ": " + found.shown()));
  }

  private static Finding unknown(String domain, String why) {
    return new Finding.Unknown("looking up the CAA records of " + domain + ": " + why);
  }

  private static Name absolute(String domain) {
    try {
      return Name.fromString(domain + ".");
    } catch (TextParseException e) {
      throw new IllegalStateException("a DNS name is one", e);
    }
  }
}
