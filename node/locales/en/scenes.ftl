# Scenarios: who does what in each step (scene-SCENARIO-STEP), and what that shows (…-then).

scene-listing = Scenarios (--scenario NAME)
scene-unknown = there is no scenario { $name }; there are: { $known }
scene-missed = { $scenario }, step { $number }: { $command }
    wanted { $wanted }; found { $found }
    { $said }
scene-refused = ✘ { $code } { $cause } (as it must be)
scene-recorded = ✔ recorded at height { $height }
scene-done = ✔ done

scene-licence-suspended = An Anhui driving licence on a Shanghai road: accepted, then suspended and refused
scene-licence-suspended-attest = Anhui's public security issues a driving licence. The ledger has commitments only; the document and its salts stay in the province's vault.
scene-licence-suspended-present = The holder shows a QR code: it opens the vehicle class and the name of the document, signed by the issuer.
scene-licence-suspended-verify = On the road, a Shanghai officer scans it and asks the city's own node: recorded? status now? contents the same?
scene-licence-suspended-accept = Shanghai's public security accepts the licence and puts the decision on the ledger.
scene-licence-suspended-accept-then = The ledger judges the decision by the status at the height that was checked: consistent.
scene-licence-suspended-suspend = Anhui's public security suspends the licence.
scene-licence-suspended-again = Minutes later Shanghai scans the same QR code.
scene-licence-suspended-again-then = The change has reached every node; exit code 3 says "checked, and not good now".
scene-licence-suspended-refuse = Shanghai's public security refuses it, with reason 04 (suspended).
scene-licence-suspended-refuse-then = The reason is true: consistent, and not "refused while valid".
scene-licence-suspended-decisions = Anhui sees every decision that others took on its licence.

scene-false-refusal = Jiangsu refuses a valid Zhejiang food licence as "revoked": flagged, disputed, overturned
scene-false-refusal-attest = Zhejiang's market regulator issues a food licence.
scene-false-refusal-present = The company shows the name of the document and what it may sell.
scene-false-refusal-refuse = Jiangsu's market regulator refuses it with reason 05 (revoked), which is not true.
scene-false-refusal-refuse-then = The ledger does not stop a decision, but checks its reason on the spot: REFUSED_WHILE_VALID.
scene-false-refusal-found = Zhejiang, or any auditor, finds it by its flag.
scene-false-refusal-open = Zhejiang's market regulator opens a dispute; of the statement the ledger has a commitment only.
scene-false-refusal-ack = Jiangsu's market regulator acknowledges it.
scene-false-refusal-propose = After talks Jiangsu proposes to overturn its refusal.
scene-false-refusal-agree = Zhejiang agrees to the same terms, and the dispute is settled.
scene-false-refusal-accept = Jiangsu's market regulator decides anew: accepted.
scene-false-refusal-overturned = The old decision still stands there, unchanged, and is marked as overturned.
scene-false-refusal-settled = The dispute is settled; the ledger has seen the act that was owed, and nothing is unfulfilled.

scene-household-move = A household moves from Anhui to Zhejiang: taken in there, handed over, decided at home, on the clock
scene-household-move-open = A window in Zhejiang, where the family moves to, takes the case in; to decide it remains the power of Anhui, where it comes from.
scene-household-move-check = Zhejiang checks form and identity, and the applicant signs a consent.
scene-household-move-handover = Zhejiang hands two papers over. They travel with a slip beside the ledger, which has the list of commitments.
scene-household-move-incomplete = Only one paper has come when Anhui wants to receive them.
scene-household-move-incomplete-then = The command checks papers against the slip at home, and signs for nothing that is not there.
scene-household-move-receive = Both are there and open the commitments of the slip: Anhui receives them.
scene-household-move-accept = Anhui accepts the case: the clocks of the law and of the promise (7 working days) begin.
scene-household-move-clock = Zhejiang can look at any time: the day promised is counted on the voted work calendar.
scene-household-move-outsider = Zhejiang tries to decide in its place.
scene-household-move-outsider-then = Receiving is one thing and deciding another: only a key of the territorial authority decides.
scene-household-move-decide = Anhui's public security decides: approved.
scene-household-move-deliver = The window in Zhejiang hands the result to the applicant.
scene-household-move-close = Anhui files the papers and closes the case.
scene-household-move-closed = Eight stages, who did each and when: none is missing.

scene-data-request = Jiangsu asks Shanghai for insurance data: conditional, granted with less, receipts of both sides, one use over the cap
scene-data-request-publish = Shanghai's labour authority publishes an entry: shared on conditions, personal.
scene-data-request-request = Jiangsu's labour authority asks for one field, 2000 times a day, naming item and legal basis.
scene-data-request-acknowledge = Shanghai acknowledges the request; the time to answer runs.
scene-data-request-grant = Shanghai grants 2 uses a day (a small number, so that the cap is soon passed here).
scene-data-request-draft = Jiangsu uses it once and drafts a receipt: commitments to question and answer, no data.
scene-data-request-cosign = Shanghai signs the same receipt at home, and uploads nothing.
scene-data-request-confirmed = Jiangsu submits the receipt with both signatures: confirmed at once.
scene-data-request-one-sided = A second use, which Jiangsu records alone.
scene-data-request-confirm = Shanghai confirms it afterwards.
scene-data-request-over = A third use on the same day.
scene-data-request-over-then = What happened is recorded as it happened, and flagged: over the day's cap.
scene-data-request-receipts = Shanghai looks at the receipts of this grant.
scene-data-request-today = The grant is exhausted for today: a cap of 2, and 3 uses.

scene-key-compromise = A key of a Jiangsu authority is stolen: a thousand certificates in question, reaffirmed at once with a new key
scene-key-compromise-import = Jiangsu's transport authority imports a thousand transport certificates from its library.
scene-key-compromise-import-then = { $accepted } attested.
scene-key-compromise-revoke = In the evening it turns out that the key has been in other hands since midnight: two governors of Jiangsu revoke it.
scene-key-compromise-questioned = Seen from Shanghai, all that it signed since then is in question (three of them first).
scene-key-compromise-count = Shanghai reads the whole list and counts.
scene-key-compromise-count-then = A thousand, none missing, all in question.
scene-key-compromise-refuse = Shanghai's transport authority checks one of them and refuses it for now, with reason 20 (key in question).
scene-key-compromise-refuse-then = That too is a reason which the ledger can check: consistent.
scene-key-compromise-new = Jiangsu's transport authority makes a new key.
scene-key-compromise-bind = Jiangsu's governors bind it to the authority.
scene-key-compromise-old = Somebody still tries to sign with the old key.
scene-key-compromise-reaffirm = Having checked them, the authority stands by everything the old key signed meanwhile, in one act with the new key.
scene-key-compromise-left = Shanghai looks again: none is left in question.
scene-key-compromise-good = The one from before is good again; that it was in question, and who reaffirmed it, remains on the ledger.

scene-retroactive-annulment = A food licence is annulled from its first day: which decisions elsewhere rest on it?
scene-retroactive-annulment-attest = Zhejiang's market regulator issues a food licence.
scene-retroactive-annulment-shanghai = Shanghai's market regulator relies on it: accepted.
scene-retroactive-annulment-jiangsu = So does Jiangsu's: accepted.
scene-retroactive-annulment-annul = It was obtained by fraud: Zhejiang annuls it, with effect from its first day, { $start }.
scene-retroactive-annulment-affected = Which decisions rest on it?
scene-retroactive-annulment-affected-then = Both are marked BASIS_ANNULLED. No decision is rewritten: each authority deals with its own.
scene-retroactive-annulment-now = Asked today: was it good on its first day?
scene-retroactive-annulment-as-known = The same question, as known at height { $height }.
scene-retroactive-annulment-as-known-then = Two times are kept apart: who relied on it then did no wrong, and that it never was good is not hidden now.

reaffirm-unrevoked = { $key } was not revoked as compromised: there is nothing to stand by
