package dev.chancery.acme;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.xbill.DNS.DNSKEYRecord;
import org.xbill.DNS.DSRecord;
import org.xbill.DNS.Master;
import org.xbill.DNS.Name;
import org.xbill.DNS.RRset;
import org.xbill.DNS.Record;
import org.xbill.DNS.dnssec.TrustAnchorStore;

/** The keys that DNSSEC begins with (RFC 4033 section 2): DS or DNSKEY records of zones. */
public final class DnsTrustAnchors {
  private final List<RRset> anchors;

  private DnsTrustAnchors(List<RRset> anchors) {
    this.anchors = List.copyOf(anchors);
  }

  /**
   * Reads records as a zone file has them (RFC 1035 section 5).
   *
   * @throws IllegalArgumentException when it is no zone file, or holds other records or none
   */
  public static DnsTrustAnchors parse(String zoneFile) {
    List<RRset> anchors = new ArrayList<>();
    try (Master file =
        new Master(
            new ByteArrayInputStream(zoneFile.getBytes(StandardCharsets.UTF_8)), Name.root)) {
      file.disableIncludes();
      file.expandGenerate(false);
      for (Record record = file.nextRecord(); record != null; record = file.nextRecord()) {
        if (!(record instanceof DSRecord) && !(record instanceof DNSKEYRecord)) {
          throw new IllegalArgumentException(
              "trust anchors are DS and DNSKEY records; that of "
                  + record.getName()
                  + " is another");
        }
        add(record, anchors);
      }
    } catch (IOException e) {
      throw new IllegalArgumentException("not a zone file: " + e.getMessage(), e);
    }
    if (anchors.isEmpty()) {
      throw new IllegalArgumentException("there is no DS or DNSKEY record");
    }
    return new DnsTrustAnchors(anchors);
  }

  private static void add(Record record, List<RRset> anchors) {
    for (RRset set : anchors) {
      if (set.getName().equals(record.getName()) && set.getType() == record.getType()) {
        set.addRR(record);
        return;
      }
    }
    anchors.add(new RRset(record));
  }

  void storeIn(TrustAnchorStore store) {
    anchors.forEach(store::store);
  }
}
