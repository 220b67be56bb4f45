# 场景:每一步由谁做什么(scene-场景-步骤),以及它说明了什么(…-then)。

scene-listing = 场景(--scenario 名称)
scene-unknown = 没有场景 { $name };有:{ $known }
scene-missed = { $scenario } 第 { $number } 步:{ $command }
    应为 { $wanted };实为 { $found }
    { $said }
scene-refused = ✘ { $code } { $cause }(理应被拒)
scene-recorded = ✔ 已记入账本,高度 { $height }
scene-done = ✔ 完成

scene-licence-suspended = 安徽驾驶证在上海路面查验:先承认,被暂扣后再查即拒认
scene-licence-suspended-attest = 安徽省公安机关签发一张机动车驾驶证。账本上只有承诺值,证照内容与盐值留在本省保险库。
scene-licence-suspended-present = 持证人出示二维码:只打开准驾车型与证照名称两项,并由签发机关签名。
scene-licence-suspended-verify = 上海路面民警扫码,用本省节点核验:是否记录、现在状态、内容是否一致。
scene-licence-suspended-accept = 上海市公安机关承认该证照,并把决定记入账本。
scene-licence-suspended-accept-then = 账本以查验时的状态核对该决定:相符。
scene-licence-suspended-suspend = 安徽省公安机关暂扣该驾驶证。
scene-licence-suspended-again = 几分钟后,上海再次扫同一个二维码。
scene-licence-suspended-again-then = 状态变更已到达每个节点;退出码 3 表示“核验过,但当前无效”。
scene-licence-suspended-refuse = 上海市公安机关以理由 04(已暂扣)拒认。
scene-licence-suspended-refuse-then = 理由属实:账本记为相符,而不是“证照有效而拒认”。
scene-licence-suspended-decisions = 安徽看到外省对本省这张证照的全部决定。

scene-false-refusal = 江苏以“已撤销”拒认有效的浙江食品经营许可证:留痕、异议、推翻
scene-false-refusal-attest = 浙江省市场监管局签发一张食品经营许可证。
scene-false-refusal-present = 企业出示证照名称与经营项目。
scene-false-refusal-refuse = 江苏省市场监管局拒认,理由 05(已撤销)——这不是事实。
scene-false-refusal-refuse-then = 账本不阻止决定,但当场核对理由:REFUSED_WHILE_VALID,证照有效而拒认。
scene-false-refusal-found = 浙江(或任何审计机关)按标记查到这一笔。
scene-false-refusal-open = 浙江省市场监管局提出异议;陈述书只上承诺值。
scene-false-refusal-ack = 江苏省市场监管局签收异议。
scene-false-refusal-propose = 协商后,江苏提议:推翻原拒认。
scene-false-refusal-agree = 浙江以同一份和解文本同意,异议了结。
scene-false-refusal-accept = 江苏省市场监管局重新作出决定:承认。
scene-false-refusal-overturned = 原决定仍在账本上,一字未改,但已标明被推翻。
scene-false-refusal-settled = 异议已和解;所承诺的后续行为已被账本看到,不再有未履行事项。

scene-household-move = 户口由安徽迁往浙江:迁入地受理、移交,迁出地决定,承诺时限起算
scene-household-move-open = 迁入地(浙江)专窗收件;事权不变,仍由迁出地(安徽)公安机关决定。
scene-household-move-check = 浙江作形式审查与身份核验,申请人签署同意书。
scene-household-move-handover = 浙江移交两份材料:材料与交接单走账本之外,账本上只有承诺值清单。
scene-household-move-incomplete = 安徽只收到一份,想签收。
scene-household-move-incomplete-then = 命令在本地就核对材料与交接单,数目不符即不签。
scene-household-move-receive = 两份都到了,逐一与交接单相符,安徽签收。
scene-household-move-accept = 安徽受理:法定时限与承诺时限(7 个工作日)由此起算。
scene-household-move-clock = 浙江随时可查:承诺到期日按表决通过的工作日历算出。
scene-household-move-outsider = 浙江想代为决定。
scene-household-move-outsider-then = 收受分离:只有属地机关的密钥能作决定。
scene-household-move-decide = 安徽省公安机关决定:准予迁移。
scene-household-move-deliver = 浙江窗口送达申请人。
scene-household-move-close = 安徽归档办结。
scene-household-move-closed = 全程八个环节,谁在何时做了什么,一条不少。

scene-data-request = 江苏申请上海社保参保信息:有条件共享、减量授权、双签回执、超出当日上限
scene-data-request-publish = 上海市人社局发布目录项:有条件共享,含个人信息。
scene-data-request-request = 江苏省人社厅申请一个字段,每日 2000 次,写明事项与法律依据。
scene-data-request-acknowledge = 上海签收申请,答复时限起算。
scene-data-request-grant = 上海只授权每日 2 次(演示用的小数目,便于很快看到超限)。
scene-data-request-draft = 江苏用了一次,起草回执:请求与应答只上承诺值。
scene-data-request-cosign = 上海在本省对同一份回执签名,不上传任何东西。
scene-data-request-confirmed = 江苏提交带双方签名的回执:当即确认。
scene-data-request-one-sided = 第二次使用,江苏单方提交。
scene-data-request-confirm = 上海事后确认这一笔。
scene-data-request-over = 当天第三次使用。
scene-data-request-over-then = 用了就是用了:账本照实记录,并标记超出当日上限。
scene-data-request-receipts = 上海查看该授权的全部回执。
scene-data-request-today = 授权当日已用尽:2 次的上限,用了 3 次。

scene-key-compromise = 江苏一机关密钥泄露:一千张证照存疑,换新密钥后整段重申
scene-key-compromise-import = 江苏省交通运输厅从证照库导入一千张道路运输证。
scene-key-compromise-import-then = 已签发 { $accepted } 张。
scene-key-compromise-revoke = 当晚发现签发密钥自今日零时起就在他人手中:江苏两名治理人联署撤销。
scene-key-compromise-questioned = 在上海看来,它自那时起签的证照全部存疑(先列三张)。
scene-key-compromise-count = 上海取全表点数。
scene-key-compromise-count-then = 一千张,一张不少,全部存疑。
scene-key-compromise-refuse = 上海市交通委查验其中一张,以理由 20(密钥存疑)暂不承认。
scene-key-compromise-refuse-then = 这同样是账本能核对的理由:相符。
scene-key-compromise-new = 江苏省交通运输厅生成新的签发密钥。
scene-key-compromise-bind = 江苏治理人把新密钥绑定到该机关。
scene-key-compromise-old = 有人仍想用旧密钥签署。
scene-key-compromise-reaffirm = 核对完毕,该机关以新密钥对旧密钥存疑期间的全部行为一次重申。
scene-key-compromise-left = 上海再看:存疑的已一张不剩。
scene-key-compromise-good = 刚才那一张恢复有效;存疑与重申的经过都留在账本上。

scene-retroactive-annulment = 食品经营许可证自始撤销:找出所有受影响的外省决定
scene-retroactive-annulment-attest = 浙江省市场监管局签发一张食品经营许可证。
scene-retroactive-annulment-shanghai = 上海市市场监管局据此办事,承认。
scene-retroactive-annulment-jiangsu = 江苏省市场监管局也据此办事,承认。
scene-retroactive-annulment-annul = 事后查明系欺骗取得,浙江依法撤销,自发证之日 { $start } 起无效。
scene-retroactive-annulment-affected = 以它为依据的决定有哪些?
scene-retroactive-annulment-affected-then = 两笔都标明依据已被撤销(BASIS_ANNULLED);决定本身并不改写,由作出机关各自处理。
scene-retroactive-annulment-now = 今天问:发证那天它有效吗?
scene-retroactive-annulment-as-known = 以高度 { $height } 时所知来问同一个问题。
scene-retroactive-annulment-as-known-then = 两个时间轴:当时据以办事并无过错,今天又不掩盖它自始无效。

reaffirm-unrevoked = { $key } 未因泄露被撤销,无可重申
